import CReactor
import Glibc

/// What a descriptor is ready for, or waited for.
package struct Readiness: OptionSet, Sendable {
  package let rawValue: UInt32

  package init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  package static let readable = Readiness(rawValue: UInt32(CREACTOR_READABLE))
  package static let writable = Readiness(rawValue: UInt32(CREACTOR_WRITABLE))
  /// The peer has ended its side of the stream.
  package static let peerClosed = Readiness(rawValue: UInt32(CREACTOR_PEER_CLOSED))
  /// Reported without being asked for.
  package static let failed = Readiness(rawValue: UInt32(CREACTOR_ERROR) | UInt32(CREACTOR_HANG_UP))
  /// Told once per change instead of as long as it lasts.
  package static let edgeTriggered = Readiness(rawValue: CREACTOR_EDGE_TRIGGERED)
  /// Wakes one of the loops that wait for a shared listener, not all of them.
  static let exclusive = Readiness(rawValue: CREACTOR_EXCLUSIVE)

  /// Not left to `OptionSet`: its generic code is not specialised in other modules, and this is asked for every event.
  package func contains(_ other: Readiness) -> Bool {
    rawValue & other.rawValue == other.rawValue
  }

  /// Something to read, be it an error.
  package var wantsReading: Bool {
    rawValue & (Self.readable.rawValue | Self.failed.rawValue) != 0
  }

  /// The peer will send nothing more.
  package var isPeerGone: Bool {
    rawValue & (Self.peerClosed.rawValue | Self.failed.rawValue) != 0
  }
}

/// Something that waits for descriptors and timers on a loop.
///
/// One source may stand for many descriptors; `key` is the number it gave each of them.
package protocol EventSource: AnyObject {
  func ready(_ readiness: Readiness, key: UInt32)
  /// A timer of this source has run out.
  func expired(key: UInt32)
}

/// A descriptor known to a `Poller`: a slot and the slot's generation.
package struct Registration: Hashable {
  let slot: UInt32
  let generation: UInt32
}

/// epoll, and the table that leads from an event back to who waits for it.
///
/// epoll's data carries slot and generation. A slot's generation changes whenever it is given up, so an event that was
/// already fetched for a descriptor closed meanwhile (or for another that got the same slot) is recognised and dropped.
struct Poller: ~Copyable {
  private struct Slot {
    var generation: UInt32 = 0
    var key: UInt32 = 0
    var source: (any EventSource)?
  }

  private static let batch = 512
  private let epoll: Int32
  private let events: UnsafeMutablePointer<creactor_event>
  private var slots: [Slot] = []
  private var free: [UInt32] = []

  init() throws(SystemError) {
    epoll = creactor_epoll_create()
    guard epoll >= 0 else { throw SystemError("epoll_create") }
    events = .allocate(capacity: Self.batch)
    events.initialize(repeating: creactor_event(), count: Self.batch)
  }

  deinit {
    events.deallocate()
    Sys.close(epoll)
  }

  mutating func add(
    _ fd: Int32, _ interest: Readiness, source: any EventSource, key: UInt32
  ) throws(SystemError) -> Registration {
    let slot: UInt32
    if let reused = free.popLast() {
      slot = reused
    } else {
      slot = UInt32(slots.count)
      slots.append(Slot())
    }
    let index = Int(slot)
    let registration = Registration(slot: slot, generation: slots[index].generation)
    guard creactor_epoll_add(epoll, fd, interest.rawValue, Self.data(registration)) == 0 else {
      let error = SystemError("epoll_ctl")
      free.append(slot)
      throw error
    }
    slots[index].key = key
    slots[index].source = source
    return registration
  }

  func modify(_ registration: Registration, _ fd: Int32, _ interest: Readiness) {
    // Fails only for a descriptor that is not registered: a broken invariant that the generation makes harmless.
    _ = creactor_epoll_modify(epoll, fd, interest.rawValue, Self.data(registration))
  }

  mutating func remove(_ registration: Registration, _ fd: Int32) {
    let index = Int(registration.slot)
    guard slots[index].generation == registration.generation else { return }
    _ = creactor_epoll_remove(epoll, fd)
    slots[index].generation &+= 1
    slots[index].source = nil
    free.append(registration.slot)
  }

  /// Waits up to `timeout` milliseconds (-1: until something happens) and returns how many events there are.
  func wait(timeout: Int32) -> Int {
    let count = creactor_epoll_wait(epoll, events, Int32(Self.batch), timeout)
    // Interrupted by a signal: the turn goes on with no event.
    return max(0, Int(count))
  }

  /// The event at `index` of the last wait and who waits for it; nil when its descriptor has been given up since.
  func event(_ index: Int) -> (readiness: Readiness, source: any EventSource, key: UInt32)? {
    let event = events[index]
    let slot = slots[Int(UInt32(truncatingIfNeeded: event.data))]
    guard slot.generation == UInt32(truncatingIfNeeded: event.data >> 32), let source = slot.source else { return nil }
    return (Readiness(rawValue: event.events), source, slot.key)
  }

  private static func data(_ registration: Registration) -> UInt64 {
    UInt64(registration.generation) << 32 | UInt64(registration.slot)
  }
}
