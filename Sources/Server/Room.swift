import Locks
import Model

/// The descriptors that clients may hold, over all loops and the HTTP side: a connection of any kind has a place from its
/// accept to its close.
///
/// What is not the clients' is kept free for the node: for its links, files and look-ups. A few places beyond the room are
/// for those who ask how the node is, so that a full node does not look like a dead one.
package final class Room: Sendable {
  /// Places beyond the room.
  package static let beyond = 8
  /// Milliseconds between two calls for places.
  private static let pause: Int64 = 50
  /// Milliseconds between two lines of log that tell of a full room.
  private static let silence: Int64 = 60_000

  private let places = PlaceCount(limit: 0, isBeyond: false)
  private let reserve = PlaceCount(limit: beyond, isBeyond: true)
  private let told = Lock<Int64?>(nil)
  private let callers = Lock<(loops: [@Sendable () -> Void], latest: Int64?)>(([], nil))

  /// A room without a place, until `open`.
  package init() {}

  /// Sets how many connections there may be.
  package func open(_ limit: Int) {
    places.set(limit: limit)
  }

  /// How many connections there may be.
  var limit: Int { places.limit }

  /// Connections that have a place, those beyond the room included.
  package var count: Int { places.count + reserve.count }

  /// A place for one more connection, if need be beyond the room; nil when there is none at all.
  package func enter() -> Place? {
    if let place = Place(in: places) { return place }
    return Place(in: reserve)
  }

  /// `free` makes a loop end one of its connections beyond the room that does not need its place; from any thread.
  func onCall(_ free: @escaping @Sendable () -> Void) {
    callers.withLock { $0.loops.append(free) }
  }

  /// Asks every loop for one of the places beyond the room, a few times a second at most. `now` in milliseconds.
  func callForPlaces(now: Int64) {
    let loops = callers.withLock { callers in
      if let latest = callers.latest, now - latest < Self.pause { return [@Sendable () -> Void]() }
      callers.latest = now
      return callers.loops
    }
    for free in loops { free() }
  }

  /// Whether it is time to tell that the room is full: once, and then once in a while. `now` in milliseconds.
  func isTimeToTell(now: Int64) -> Bool {
    told.withLock { told in
      if let last = told, now - last < Self.silence { return false }
      told = now
      return true
    }
  }
}

/// A connection beyond the room, on its loop.
struct Visitor {
  let session: SessionID
  /// Whether something of its request was seen.
  var hasSpoken = false
}

/// The place of one connection, which leaves the count when its owner is done with it.
package struct Place: ~Copyable, Sendable {
  private let places: PlaceCount

  fileprivate init?(in places: PlaceCount) {
    guard places.take() else { return nil }
    self.places = places
  }

  deinit {
    places.leave()
  }

  /// Whether it is one beyond the room.
  package var isBeyond: Bool { places.isBeyond }
}

/// Counts places against a limit.
private final class PlaceCount: Sendable {
  let isBeyond: Bool
  private let state: Lock<(limit: Int, taken: Int)>

  init(limit: Int, isBeyond: Bool) {
    self.isBeyond = isBeyond
    state = Lock((limit, 0))
  }

  var limit: Int { state.withLock { $0.limit } }

  var count: Int { state.withLock { $0.taken } }

  func set(limit: Int) {
    state.withLock { $0.limit = limit }
  }

  func take() -> Bool {
    state.withLock { state in
      guard state.taken < state.limit else { return false }
      state.taken += 1
      return true
    }
  }

  func leave() {
    state.withLock { $0.taken -= 1 }
  }
}
