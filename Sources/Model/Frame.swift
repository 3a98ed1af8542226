/// One finished WebSocket frame, header and payload, made once and shared by everybody it goes to.
///
/// The bytes lie in one object's own tail, so a frame is one allocation.
/// `@unchecked Sendable`: the bytes are written only inside `make`, before anybody else holds the object.
package struct Frame: @unchecked Sendable {
  private struct Layout {
    let count: Int
    let headerCount: Int
  }

  private let storage: ManagedBuffer<Layout, UInt8>

  /// A frame of `headerCount + payloadCount` bytes, all of which `fill` must write.
  package static func make(
    headerCount: Int, payloadCount: Int, fill: (UnsafeMutableRawBufferPointer) -> Void
  ) -> Frame {
    let layout = Layout(count: headerCount + payloadCount, headerCount: headerCount)
    let storage = ManagedBuffer<Layout, UInt8>.create(minimumCapacity: layout.count) { _ in layout }
    storage.withUnsafeMutablePointerToElements { fill(UnsafeMutableRawBufferPointer(start: $0, count: layout.count)) }
    return Frame(storage: storage)
  }

  private init(storage: ManagedBuffer<Layout, UInt8>) {
    self.storage = storage
  }

  /// Whether both are the very same frame, not only equal ones.
  package func isSame(as other: Frame) -> Bool { storage === other.storage }

  /// Header and payload together, in bytes.
  package var count: Int { storage.header.count }
  package var payloadCount: Int { storage.header.count - storage.header.headerCount }

  /// Lends the whole frame, as it goes to the socket.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    storage.withUnsafeMutablePointers { body(UnsafeRawBufferPointer(start: $1, count: $0.pointee.count)) }
  }

  /// Lends the payload alone.
  package func withPayload<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    storage.withUnsafeMutablePointers { layout, bytes in
      body(
        UnsafeRawBufferPointer(
          start: bytes + layout.pointee.headerCount, count: layout.pointee.count - layout.pointee.headerCount))
    }
  }
}
