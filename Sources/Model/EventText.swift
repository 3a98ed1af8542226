/// The text of an event as it goes between loops and nodes, made once and shared by everybody it goes to.
///
/// It is the *interchange text*: what `apus.v1` tells its clients, so that Apus' own protocol only puts a frame's header
/// before it, and other protocols translate it. Of a binary message it is that message's bytes.
///
/// The bytes lie in one object's own tail, so a text is one allocation.
/// `@unchecked Sendable`: the bytes are written only inside `make`, before anybody else holds the object.
package struct EventText: @unchecked Sendable {
  private let storage: ManagedBuffer<Int, UInt8>

  /// A text of `count` bytes, all of which `fill` must write.
  package static func make(count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) -> EventText {
    let storage = ManagedBuffer<Int, UInt8>.create(minimumCapacity: count) { _ in count }
    storage.withUnsafeMutablePointerToElements { fill(UnsafeMutableRawBufferPointer(start: $0, count: count)) }
    return EventText(storage: storage)
  }

  private init(storage: ManagedBuffer<Int, UInt8>) {
    self.storage = storage
  }

  package init(_ bytes: UnsafeRawBufferPointer) {
    self = .make(count: bytes.count) { $0.copyMemory(from: bytes) }
  }

  package init(_ bytes: [UInt8]) {
    self = bytes.withUnsafeBytes { EventText($0) }
  }

  /// In bytes.
  package var count: Int { storage.header }

  /// Lends the bytes.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    storage.withUnsafeMutablePointers { body(UnsafeRawBufferPointer(start: $1, count: $0.pointee)) }
  }

  /// The bytes, valid as long as `owner` lives. For code of other modules on the way of each message, for which the closure
  /// above is not specialised.
  package var bytes: UnsafeRawBufferPointer {
    storage.withUnsafeMutablePointers { UnsafeRawBufferPointer(start: $1, count: $0.pointee) }
  }

  /// The object whose memory the bytes are: who keeps it may keep a pointer to them.
  package var owner: AnyObject { storage }
}
