import Locks
import Model

/// The bodies of requests that are under way on the node, limited in number and in bytes: all together, and those of one
/// address.
final class BodyRoom: Sendable {
  struct Size {
    var count = 0
    /// Of what has come, not of what was announced.
    var bytes = 0
  }

  private struct Taken {
    var total = Size()
    var byAddress: [IPAddress: Size] = [:]
  }

  private let limit: Size
  private let limitPerAddress: Size
  private let taken = Lock(Taken())

  /// An address gets one of `shares` equal shares at most, so that no client keeps the others out.
  init(maxCount: Int = 256, maxBytes: Int = 32 << 20, shares: Int = 1) {
    limit = Size(count: maxCount, bytes: maxBytes)
    limitPerAddress = Size(count: maxCount / shares, bytes: maxBytes / shares)
  }

  /// Room for one more body; nil when there are too many. Of a client whose address nobody knows only the total counts.
  func enter(from address: IPAddress? = nil) -> Share? {
    let address = address?.limitKey
    return take(Size(count: 1), address) ? Share(in: self, of: address) : nil
  }

  private func take(_ more: Size, _ address: IPAddress?) -> Bool {
    taken.withLock { taken in
      let ofAddress = address.flatMap { taken.byAddress[$0] } ?? Size()
      guard taken.total.hasRoom(for: more, within: limit),
        address == nil || ofAddress.hasRoom(for: more, within: limitPerAddress)
      else { return false }
      taken.total.add(more)
      if let address { taken.byAddress[address, default: Size()].add(more) }
      return true
    }
  }

  private func leave(_ size: Size, _ address: IPAddress?) {
    taken.withLock { taken in
      taken.total.remove(size)
      guard let address else { return }
      taken.byAddress[address]?.remove(size)
      if taken.byAddress[address]?.count == 0 { taken.byAddress[address] = nil }
    }
  }

  /// The room that one body takes, given back when its owner is done with it.
  final class Share {
    private let room: BodyRoom
    private let address: IPAddress?
    private var bytes = 0

    fileprivate init(in room: BodyRoom, of address: IPAddress?) {
      self.room = room
      self.address = address
    }

    deinit {
      room.leave(Size(count: 1, bytes: bytes), address)
    }

    /// Takes room for that many more bytes; false, and none taken, when there is none.
    func grow(by count: Int) -> Bool {
      guard room.take(Size(bytes: count), address) else { return false }
      bytes += count
      return true
    }
  }
}

extension BodyRoom.Size {
  fileprivate func hasRoom(for more: Self, within limit: Self) -> Bool {
    count + more.count <= limit.count && bytes + more.bytes <= limit.bytes
  }

  fileprivate mutating func add(_ more: Self) {
    count += more.count
    bytes += more.bytes
  }

  fileprivate mutating func remove(_ less: Self) {
    count -= less.count
    bytes -= less.bytes
  }
}
