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
  /// Nil where addresses do not count.
  private let limitPerAddress: Size?
  private let taken = Lock(Taken())

  /// With `shares` an address gets one of that many equal parts at most, so that no client keeps the others out.
  init(maxCount: Int = 256, maxBytes: Int = 32 << 20, shares: Int? = nil) {
    limit = Size(count: maxCount, bytes: maxBytes)
    limitPerAddress = shares.map { Size(count: maxCount / $0, bytes: maxBytes / $0) }
  }

  /// Room for one more body; nil when there are too many. A client with an unknown address counts towards the total alone.
  func enter(from address: IPAddress? = nil) -> Share? {
    let address = limitPerAddress == nil ? nil : address?.limitKey
    return take(Size(count: 1), address) ? Share(in: self, of: address) : nil
  }

  private func take(_ more: Size, _ address: IPAddress?) -> Bool {
    taken.withLock { taken in
      guard taken.total.hasRoom(for: more, within: limit) else { return false }
      if let address, let limitPerAddress {
        let own = taken.byAddress[address] ?? Size()
        guard own.hasRoom(for: more, within: limitPerAddress) else { return false }
        taken.byAddress[address] = own.adding(more)
      }
      taken.total = taken.total.adding(more)
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
    private var size = Size(count: 1)

    fileprivate init(in room: BodyRoom, of address: IPAddress?) {
      self.room = room
      self.address = address
    }

    deinit {
      room.leave(size, address)
    }

    /// Takes room for that many more bytes; false, and none taken, when there is none.
    func grow(by count: Int) -> Bool {
      let more = Size(bytes: count)
      guard room.take(more, address) else { return false }
      size = size.adding(more)
      return true
    }
  }
}

extension BodyRoom.Size {
  fileprivate func hasRoom(for more: Self, within limit: Self) -> Bool {
    count + more.count <= limit.count && bytes + more.bytes <= limit.bytes
  }

  fileprivate func adding(_ more: Self) -> Self {
    Self(count: count + more.count, bytes: bytes + more.bytes)
  }

  fileprivate mutating func remove(_ less: Self) {
    count -= less.count
    bytes -= less.bytes
  }
}
