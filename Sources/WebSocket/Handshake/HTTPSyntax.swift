/// The lexical elements of HTTP/1.1 a handshake needs (RFC 9110 section 5.6, RFC 9112), over bytes that were lent.
extension UnsafeRawBufferPointer {
  func slice(_ range: some RangeExpression<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: self[range])
  }

  /// Without the spaces and tabs at either end.
  var trimmed: UnsafeRawBufferPointer {
    var (start, end) = (0, count)
    while start < end, self[start].isBlank { start += 1 }
    while start < end, self[end - 1].isBlank { end -= 1 }
    return slice(start..<end)
  }

  /// Whether this is `text` but for the case of its ASCII letters; `text` is ASCII in lower case.
  func isSameIgnoringCase(_ text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount && startsIgnoringCase(with: text)
  }

  /// Whether this begins with `text` but for the case of its ASCII letters; `text` is ASCII in lower case.
  func startsIgnoringCase(with text: StaticString) -> Bool {
    guard count >= text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { text in text.indices.allSatisfy { self[$0].lowercased == text[$0] } }
  }

  /// The name and the value of a header, a line without its end.
  func header() throws(HandshakeRefusal) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    if let first, first.isBlank { throw .badRequest("A header is folded over several lines.") }
    guard let colon = firstIndex(of: UInt8(ascii: ":")) else { throw .badRequest("A header has no colon.") }
    let name = slice(..<colon)
    guard name.isToken else { throw .badRequest("The name of a header is malformed.") }
    return (name, slice((colon + 1)...).trimmed)
  }

  var isToken: Bool { !isEmpty && allSatisfy(\.isTokenCharacter) }

  /// The elements of a comma separated list, trimmed, without the empty ones.
  var listElements: [UnsafeRawBufferPointer] {
    split(separator: UInt8(ascii: ",")).map { UnsafeRawBufferPointer(rebasing: $0).trimmed }.filter { !$0.isEmpty }
  }

  /// As text, with `%41` being `A`; nil where a `%` has not two hexadecimal digits behind it (RFC 3986 section 2.1).
  var percentDecoded: String? {
    guard contains(UInt8(ascii: "%")) else { return string }
    var bytes: [UInt8] = []
    var index = 0
    while index < count {
      if self[index] == UInt8(ascii: "%") {
        guard index + 2 < count, let high = self[index + 1].hexValue, let low = self[index + 2].hexValue else {
          return nil
        }
        bytes.append(high << 4 | low)
        index += 3
      } else {
        bytes.append(self[index])
        index += 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// As text; bytes that are no UTF-8 become U+FFFD.
  var string: String { String(decoding: self, as: UTF8.self) }
}

extension UInt8 {
  static let space = UInt8(ascii: " ")
  static let tab = UInt8(ascii: "\t")
  static let carriageReturn = UInt8(ascii: "\r")
  static let lineFeed = UInt8(ascii: "\n")

  var isBlank: Bool { self == .space || self == .tab }

  /// Whether a line of a head may hold it: no control character but tab.
  var isHeaderText: Bool { self == .tab || self >= 0x20 && self != 0x7F }

  var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

  var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }

  var lowercased: UInt8 { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self }

  /// The value of a hexadecimal digit; nil for anything else.
  var hexValue: UInt8? {
    switch lowercased {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): lowercased - UInt8(ascii: "a") + 10
    default: nil
    }
  }

  /// RFC 9110 section 5.6.2.
  var isTokenCharacter: Bool {
    switch self {
    case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
      UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
      true
    default: isDigit || isLetter
    }
  }
}
