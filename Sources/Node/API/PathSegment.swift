/// A name or a value of a query, `a+b` being `a b` as in what forms and most libraries send.
enum QueryPart {
  /// The members of a query, in order; nil where it is not percent-encoded UTF-8.
  static func members(of query: String?) -> [(name: String, value: String)]? {
    var members: [(String, String)] = []
    for pair in (query ?? "").utf8.split(separator: UInt8(ascii: "&")) {
      let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = decode(parts[0]), let value = parts.count > 1 ? decode(parts[1]) : "" else { return nil }
      members.append((name, value))
    }
    return members
  }

  /// As `PathSegment.decode`.
  private static func decode(_ part: Substring.UTF8View) -> String? {
    PathSegment.decode(
      String(decoding: part.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }, as: UTF8.self))
  }
}

/// One part of a path between two slashes.
enum PathSegment {
  /// Its text, with `%41` being `A`, decoded once; nil where a `%` has not two hexadecimal digits behind it (RFC 3986
  /// section 2.1), and where what comes out is no UTF-8.
  static func decode(_ segment: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(segment.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(value), let low = rest.popFirst().flatMap(value) else { return nil }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
