/// The bytes libFuzzer has made up, taken from the front; zeros where there are none left.
struct FuzzInput {
  private var rest: UnsafeRawBufferPointer

  init(_ start: UnsafePointer<UInt8>?, count: Int) {
    rest = UnsafeRawBufferPointer(start: start, count: count)
  }

  var isEmpty: Bool { rest.isEmpty }

  mutating func byte() -> UInt8 {
    guard let byte = rest.first else { return 0 }
    rest = UnsafeRawBufferPointer(rebasing: rest[1...])
    return byte
  }

  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number {
    (0..<(Number.bitWidth / 8)).reduce(0) { number, _ in number << 8 | Number(truncatingIfNeeded: byte()) }
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    let bytes = Array(rest.prefix(count))
    rest = UnsafeRawBufferPointer(rebasing: rest[bytes.count...])
    return bytes
  }

  mutating func remaining() -> [UInt8] { bytes(rest.count) }
}

/// Ends the run as a crash when an oracle does not hold.
func expect(_ condition: Bool, _ what: @autoclosure () -> String) {
  if !condition { fatalError("oracle violated: \(what())") }
}

extension [UInt8] {
  /// Lends the bytes in memory of exactly their size, which is gone afterwards: the address sanitizer sees a read beyond
  /// it and, later, a read of it.
  func withOwnMemory<Result>(_ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
    defer { memory.deallocate() }
    memory.copyBytes(from: self)
    return body(memory)
  }

  /// The bytes in pieces whose lengths are `lengths`, over and over; 0 stands for 256.
  func pieces(_ lengths: [UInt8]) -> [[UInt8]] {
    var pieces: [[UInt8]] = []
    var start = 0
    while start < count {
      let length = lengths.isEmpty ? count : Int(lengths[pieces.count % lengths.count] &- 1) + 1
      pieces.append(Array(self[start..<Swift.min(start + length, count)]))
      start += length
    }
    return pieces
  }
}
