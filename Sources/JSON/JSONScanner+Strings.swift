extension JSONScanner {
  /// The text of the string at `token` (its quotes included), escapes decoded.
  ///
  /// Nil for a lone surrogate, which no UTF-8 text can hold, and where there is no string.
  package func string(_ token: Range<Int>) -> String? {
    withString(token) { String(decoding: $0, as: UTF8.self) }
  }

  /// Lends the bytes of the string at `token` (its quotes included), escapes decoded; nil when they cannot be decoded.
  @inlinable
  public func withString<Result>(_ token: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result?) -> Result? {
    guard token.count >= 2, token.lowerBound >= 0, token.upperBound <= bytes.count else { return nil }
    let inside = UnsafeRawBufferPointer(rebasing: bytes[token.lowerBound + 1..<token.upperBound - 1])
    if inside.endOfPlainText(from: 0) == inside.count { return body(inside) }
    // No escape is shorter than the UTF-8 it stands for.
    return withUnsafeTemporaryAllocation(byteCount: inside.count, alignment: 1) { buffer in
      guard let count = JSONScanner(inside).unescape(into: buffer) else { return nil }
      return body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }

  /// Whether the string at `token`, escapes decoded, is `text`.
  @inlinable
  public func string(_ token: Range<Int>, is text: StaticString) -> Bool {
    withString(token) { $0.equals(text) } ?? false
  }

  /// The bytes at `range` as they stand.
  package func text(_ range: Range<Int>) -> String {
    String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
  }

  /// Decodes all of `bytes`, the inside of a string, into `buffer`, which has room for as many; returns how many came.
  @usableFromInline
  func unescape(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    var source = 0
    var count = 0
    while true {
      let run = bytes.endOfPlainText(from: source)
      UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[source..<run]))
      count += run - source
      if run == bytes.count { return count }
      guard let (scalar, end) = escape(at: run) else { return nil }
      for unit in scalar.utf8 {
        buffer[count] = unit
        count += 1
      }
      source = end
    }
  }

  /// The character whose escape begins at `start`, and where the escape ends.
  private func escape(at start: Int) -> (scalar: Unicode.Scalar, end: Int)? {
    guard byte(at: start) == UInt8(ascii: "\\") else { return nil }
    let end = start + 2
    switch byte(at: start + 1) {
    case UInt8(ascii: "\""): return ("\"", end)
    case UInt8(ascii: "\\"): return ("\\", end)
    case UInt8(ascii: "/"): return ("/", end)
    case UInt8(ascii: "b"): return ("\u{8}", end)
    case UInt8(ascii: "f"): return ("\u{C}", end)
    case UInt8(ascii: "n"): return ("\n", end)
    case UInt8(ascii: "r"): return ("\r", end)
    case UInt8(ascii: "t"): return ("\t", end)
    case UInt8(ascii: "u"):
      guard let first = codeUnit(at: end) else { return nil }
      if let scalar = Unicode.Scalar(first) { return (scalar, end + 4) }
      guard UTF16.isLeadSurrogate(first), byte(at: end + 4) == UInt8(ascii: "\\"),
        byte(at: end + 5) == UInt8(ascii: "u"), let second = codeUnit(at: end + 6), UTF16.isTrailSurrogate(second)
      else { return nil }
      let value = 0x10000 + (UInt32(first & 0x3FF) << 10 | UInt32(second & 0x3FF))
      guard let scalar = Unicode.Scalar(value) else { return nil }
      return (scalar, end + 10)
    default: return nil
    }
  }
}
