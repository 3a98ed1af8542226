/// What is wrong with a Redis URL, in one sentence that never shows what may be a password.
package struct RedisURLError: Error, Equatable, Sendable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}

extension RedisURL {
  /// A URL after its `://`, taken apart (RFC 3986 section 3) and not decoded yet.
  struct Parts {
    /// What stands before `@`.
    let userInfo: Substring?
    let hostAndPort: Substring
    /// From its first `/` on; empty when there is none.
    let path: Substring
    /// What stands after `?`.
    let query: Substring?

    init(_ text: Substring) throws(RedisURLError) {
      let end = text.firstIndex { "/?#".contains($0) } ?? text.endIndex
      let authority = text[..<end]
      let rest = text[end...]
      // The last one, so that a password may hold an '@' as it is.
      let at = authority.lastIndex(of: "@")
      if at == nil, rest.contains("@") {
        throw RedisURLError("in the user and the password, the characters / ? # must be percent-encoded: %2F %3F %23")
      }
      guard !rest.contains("#") else { throw RedisURLError("a Redis URL must not contain '#'") }
      userInfo = at.map { authority[..<$0] }
      hostAndPort = at.map { authority[authority.index(after: $0)...] } ?? authority
      let mark = rest.firstIndex(of: "?")
      path = rest[..<(mark ?? rest.endIndex)]
      query = mark.map { rest[rest.index(after: $0)...] }
    }

    /// User and password, decoded; an empty user is none, and so is an empty password without a user.
    func login() throws(RedisURLError) -> (user: String?, password: String?) {
      guard let userInfo else { return (nil, nil) }
      guard let colon = userInfo.firstIndex(of: ":") else {
        throw RedisURLError("a login is user:password@, or :password@ for the default user")
      }
      let user = try percentDecoded(userInfo[..<colon], in: "user")
      let password = try percentDecoded(userInfo[userInfo.index(after: colon)...], in: "password")
      if user.isEmpty { return (nil, password.isEmpty ? nil : password) }
      return (user, password)
    }
  }
}

/// The text with every `%41` replaced by its byte; what comes out must be UTF-8.
func percentDecoded(_ text: Substring, in part: String) throws(RedisURLError) -> String {
  var bytes: [UInt8] = []
  var rest = text.utf8
  while let byte = rest.popFirst() {
    guard byte == UInt8(ascii: "%") else {
      bytes.append(byte)
      continue
    }
    let digits = Substring(rest.prefix(2))
    guard digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit), let decoded = UInt8(digits, radix: 16) else {
      throw RedisURLError("in the \(part), '%' must be followed by two hexadecimal digits")
    }
    bytes.append(decoded)
    rest = rest.dropFirst(2)
  }
  guard let decoded = String(validating: bytes, as: UTF8.self) else {
    throw RedisURLError("the \(part) is not UTF-8")
  }
  return decoded
}

/// The text with every byte that is neither unreserved nor in `kept` as `%41`: it fits into a URL and into a log line.
func percentEncoded(_ text: String, keeping kept: String) -> String {
  let digits = Array("0123456789ABCDEF".utf8)
  var bytes: [UInt8] = []
  for byte in text.utf8 {
    if isUnreserved(byte) || kept.utf8.contains(byte) {
      bytes.append(byte)
    } else {
      bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}

/// RFC 3986 section 2.3.
func isUnreserved(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
    true
  default: false
  }
}
