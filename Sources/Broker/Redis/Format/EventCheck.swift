import Model
import Protocol

/// Whether an event that has come from Redis may go to clients: it is looked at once in each node, before it goes to
/// anybody, since whoever may write in Redis can publish there.
struct EventCheck: Sendable {
  /// How much longer than a client's message an event may be, in bytes: what stands around its `data`.
  static let maxEnvelope = 4096

  /// The largest message of a client, in bytes: the same on all nodes of a cluster.
  let maxMessageSize: Int

  /// Whether it is an event in JSON.
  func accepts(_ text: UnsafeRawBufferPointer) -> Bool {
    text.count <= maxMessageSize + Self.maxEnvelope && Interchange.isObject(text)
  }

  /// Whether it is a binary message of that channel, with that offset where it is kept. It names its channel a second time.
  func accepts(binary bytes: UnsafeRawBufferPointer, of channel: ChannelName, offset: Int?) -> Bool {
    guard bytes.count <= maxMessageSize + MemoryLayout<UInt64>.size else { return false }
    return BinaryMessage.isMessage(bytes, of: channel, offset: offset)
  }
}
