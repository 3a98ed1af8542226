/// Bytes of a message, or of a control frame, of which the rest has not arrived: one allocation, header and bytes.
final class GatherBuffer: ManagedBuffer<GatherBuffer.Layout, UInt8> {
  struct Layout {
    var count: Int
    /// How many bytes were asked for; the allocator may have given more.
    let size: Int
  }

  static func make(size: Int) -> GatherBuffer {
    let buffer = GatherBuffer.create(minimumCapacity: size) { _ in Layout(count: 0, size: size) }
    return unsafeDowncast(buffer, to: GatherBuffer.self)
  }

  var count: Int { header.count }
  /// Bytes there is room for, `count` included.
  var size: Int { header.size }

  /// Adds `bytes`, for which there must be room.
  func append(_ bytes: UnsafeRawBufferPointer) {
    withUnsafeMutablePointers { header, elements in
      precondition(bytes.count <= header.pointee.size - header.pointee.count, "the buffer is too small")
      UnsafeMutableRawBufferPointer(start: elements + header.pointee.count, count: bytes.count).copyMemory(from: bytes)
      header.pointee.count += bytes.count
    }
  }

  /// Forgets everything from `count` on.
  func truncate(to count: Int) {
    precondition(count <= header.count, "a buffer is not truncated to more than it holds")
    header.count = count
  }

  /// The bytes from `start` on, valid while the buffer lives and is not changed.
  func bytes(from start: Int) -> UnsafeRawBufferPointer {
    withUnsafeMutablePointers { header, elements in
      UnsafeRawBufferPointer(start: elements + start, count: header.pointee.count - start)
    }
  }
}
