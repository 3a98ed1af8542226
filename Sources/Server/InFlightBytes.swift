import Synchronization

/// Bytes of messages on their way to another thread, so that whoever sends them can stop before they are too many.
///
/// A mailbox has no end of its own; with one loop nothing needs one, since a loop takes what it has posted to itself
/// before it reads on.
final class InFlightBytes: Sendable {
  /// From here on nothing is sent that can be refused or can wait, in bytes.
  static let limit = 32 << 20

  private let bytes = Atomic(0)

  var isFull: Bool { bytes.load(ordering: .relaxed) >= Self.limit }

  func add(_ count: Int) {
    bytes.wrappingAdd(count, ordering: .relaxed)
  }

  func remove(_ count: Int) {
    bytes.wrappingSubtract(count, ordering: .relaxed)
  }
}
