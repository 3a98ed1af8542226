import JSON

/// Counts the bytes of a text instead of keeping them.
struct ByteCounter: ByteSink {
  private(set) var count = 0

  mutating func append(byte: UInt8) {
    count += 1
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    count += bytes.count
  }
}

/// Writes a text to where it is to stay, which has room for all of it.
struct ByteCursor: ByteSink {
  private let memory: UnsafeMutableRawBufferPointer
  private var position = 0

  init(_ memory: UnsafeMutableRawBufferPointer) {
    self.memory = memory
  }

  mutating func append(byte: UInt8) {
    memory[position] = byte
    position += 1
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    UnsafeMutableRawBufferPointer(rebasing: memory[position...]).copyMemory(from: bytes)
    position += bytes.count
  }
}
