/// Goes over the members of one JSON object in the order they stand, decoding none.
///
/// Every value is checked to be valid JSON before it is handed out; keys may repeat.
package struct JSONMembers {
  package enum Step {
    /// `key` is the range of the key with its quotes.
    case member(key: Range<Int>, value: JSONValue)
    /// The object is complete and nothing but white space follows it.
    case end
    /// No valid JSON from here on, or deeper than `JSONScanner.maxDepth`.
    case malformed
  }

  package let scanner: JSONScanner
  /// After the brace that opened the object, or after the last member's value.
  private var position: Int
  private var isFirst = true

  /// The members of the object that `bytes` are, but for white space around it; nil when no object begins there.
  package init?(_ bytes: UnsafeRawBufferPointer) {
    scanner = JSONScanner(bytes)
    let start = scanner.skipSpace(at: 0)
    guard scanner.byte(at: start) == UInt8(ascii: "{") else { return nil }
    position = start + 1
  }

  /// The next member, or how the object ended: then there is nothing more to ask for.
  package mutating func next() -> Step {
    var keyStart = scanner.skipSpace(at: position)
    if scanner.byte(at: keyStart) == UInt8(ascii: "}") {
      return scanner.skipSpace(at: keyStart + 1) == scanner.bytes.count ? .end : .malformed
    }
    if isFirst {
      isFirst = false
    } else {
      guard scanner.byte(at: keyStart) == UInt8(ascii: ",") else { return .malformed }
      keyStart = scanner.skipSpace(at: keyStart + 1)
    }
    guard let (keyEnd, start) = scanner.skipKey(at: keyStart), let kind = JSONKind(firstByte: scanner.byte(at: start)),
      let end = scanner.skipValue(at: start, depth: 1)
    else { return .malformed }
    position = end
    return .member(key: keyStart..<keyEnd, value: JSONValue(kind: kind, range: start..<end))
  }
}
