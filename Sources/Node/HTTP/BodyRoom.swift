import Locks

/// The bodies of requests that are under way on the node, which are limited in number and in bytes.
final class BodyRoom: Sendable {
  private let maxCount: Int
  private let maxBytes: Int
  private let taken = Lock((count: 0, bytes: 0))

  /// `maxBytes`: in bytes of what has come, not of what was announced.
  init(maxCount: Int = 256, maxBytes: Int = 32 << 20) {
    self.maxCount = maxCount
    self.maxBytes = maxBytes
  }

  /// Room for one more body; nil when there are too many.
  func enter() -> Share? {
    let isAdmitted = taken.withLock { taken in
      guard taken.count < maxCount else { return false }
      taken.count += 1
      return true
    }
    return isAdmitted ? Share(in: self) : nil
  }

  private func grow(by count: Int) -> Bool {
    taken.withLock { taken in
      guard taken.bytes + count <= maxBytes else { return false }
      taken.bytes += count
      return true
    }
  }

  private func leave(_ bytes: Int) {
    taken.withLock { taken in
      taken.count -= 1
      taken.bytes -= bytes
    }
  }

  /// The room that one body takes, given back when its owner is done with it.
  final class Share {
    private let room: BodyRoom
    private var bytes = 0

    fileprivate init(in room: BodyRoom) {
      self.room = room
    }

    deinit {
      room.leave(bytes)
    }

    /// Takes room for that many more bytes; false, and none taken, when there is none.
    func grow(by count: Int) -> Bool {
      guard room.grow(by: count) else { return false }
      bytes += count
      return true
    }
  }
}
