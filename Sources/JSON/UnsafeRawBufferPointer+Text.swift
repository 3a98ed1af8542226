extension UnsafeRawBufferPointer {
  /// Whether the bytes are exactly those of `text`.
  @inlinable
  public func equals(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    for position in 0..<count where self[position] != text.utf8Start[position] { return false }
    return true
  }

  /// Where the first byte at or after `start` stands that a JSON string may hold only escaped: a quotation mark,
  /// a backslash or a control character (RFC 8259 section 7); `count` when there is none.
  public func endOfPlainText(from start: Int) -> Int {
    var position = start
    while count - position >= 8 {
      let word = UInt64(littleEndian: loadUnaligned(fromByteOffset: position, as: UInt64.self))
      let special = Self.specialBytes(in: word)
      if special != 0 { return position + special.trailingZeroBitCount / 8 }
      position += 8
    }
    while position < count, !self[position].needsEscape { position += 1 }
    return position
  }

  /// The top bit of the first byte of `word` that needs an escape, and of no byte before it. Bytes after the first
  /// may be marked wrongly: each subtraction borrows from the byte above only where it has found something.
  private static func specialBytes(in word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quote = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
    let backslash = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
    let found =
      ((word &- ones &* 0x20) & ~word) | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
    return found & (ones &* 0x80)
  }
}

extension UInt8 {
  /// Whether a JSON string may hold this byte only escaped (RFC 8259 section 7).
  var needsEscape: Bool {
    self < 0x20 || self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\")
  }
}
