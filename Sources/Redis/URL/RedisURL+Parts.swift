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
        throw RedisURLError(
          "in a user and a password, the characters / ? # must be percent-encoded: %2F %3F %23; behind the host @ is %40"
        )
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

extension RedisURL {
  /// A host with a port or without.
  static func tcp(_ text: Substring, defaultPort: UInt16) throws(RedisURLError) -> Endpoint {
    let host: Substring
    let portText: Substring
    if text.first == "[" {
      guard let bracket = text.firstIndex(of: "]") else { throw RedisURLError("the host's '[' has no ']'") }
      host = text[text.index(after: text.startIndex)..<bracket]
      portText = text[text.index(after: bracket)...]
      guard host.contains(":"), host.utf8.allSatisfy(isAddressByte) else {
        throw RedisURLError("only an IPv6 address may be in brackets")
      }
    } else {
      let colon = text.firstIndex(of: ":") ?? text.endIndex
      host = text[..<colon]
      portText = text[colon...]
      guard !text.contains(where: \.isWhitespace) else {
        throw RedisURLError("a Redis URL has no blanks; between two URLs stands a comma")
      }
      guard !portText.dropFirst().contains(":") else {
        throw RedisURLError("an IPv6 address must be in brackets, as in redis://[::1]:6379")
      }
      guard !host.isEmpty, host.utf8.allSatisfy(isUnreserved) else {
        throw RedisURLError("the host must be a name or an address")
      }
    }
    if portText.isEmpty { return .tcp(host: String(host), port: defaultPort) }
    guard portText.first == ":", let port = decimal(portText.dropFirst(), upTo: Int(UInt16.max)), port > 0 else {
      throw RedisURLError("the port must be a number from 1 to 65535")
    }
    return .tcp(host: String(host), port: UInt16(port))
  }

  /// What a certificate must be for, percent-encoded.
  static func serverName(_ text: Substring) throws(RedisURLError) -> String {
    let name = try percentDecoded(text, in: "server-name")
    // With a dot in front it would stand for every name below.
    guard isAddress(name), name.first != "." else {
      throw RedisURLError("the server-name must be a name or an address")
    }
    return name
  }

  /// Several hosts with commas between them, each once and at most so many.
  static func list(
    _ text: Substring, defaultPort: UInt16, most: Int, one: String, many: String
  ) throws(RedisURLError) -> [Endpoint] {
    var endpoints: [Endpoint] = []
    for host in text.split(separator: ",", omittingEmptySubsequences: false) {
      let endpoint = try tcp(host, defaultPort: defaultPort)
      guard !endpoints.contains(endpoint) else {
        throw RedisURLError("a \(one) stands there twice: each is given once")
      }
      endpoints.append(endpoint)
    }
    guard endpoints.count <= most else {
      throw RedisURLError("at most \(most) \(many) can be given, not \(endpoints.count)")
    }
    return endpoints
  }

  static func database(_ text: Substring) throws(RedisURLError) -> Int {
    guard let number = decimal(text, upTo: Int(Int32.max)) else {
      throw RedisURLError("the database must be a number, as in redis://host:6379/0")
    }
    return number
  }

  /// A number of digits alone: `Int` would take a sign.
  static func decimal(_ text: Substring, upTo limit: Int) -> Int? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return Int(text).flatMap { $0 <= limit ? $0 : nil }
  }

  /// Whether it may be a name or an address of either kind, without brackets.
  static func isAddress(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 253 && text.utf8.allSatisfy(isAddressByte)
  }

  /// Digits and colons, a last part in dotted decimal, and a zone such as `%eth0`.
  private static func isAddressByte(_ byte: UInt8) -> Bool {
    isUnreserved(byte) || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "%")
  }
}

/// The part before the host in a URL that may be logged: `***` stands for the password.
func loginText(user: String?, password: String?) -> String {
  guard user != nil || password != nil else { return "" }
  return percentEncoded(user ?? "", keeping: "") + (password == nil ? "" : ":***") + "@"
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
