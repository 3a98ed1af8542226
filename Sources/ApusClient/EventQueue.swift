import DequeModule
import Locks

/// Events between the client's loop, which adds them, and the program, which takes them.
final class EventQueue: Sendable {
  private struct State {
    var events: Deque<ClientEvent> = []
    var end: Result<Void, ApusClientError>?
    var takers: Deque<OneShot<ClientEvent?>> = []
    var isHeldBack = false
  }

  /// How many events may wait before the client stops to read, and how few before it reads again.
  private static let highWater = 1024
  private static let lowWater = 256

  private let state = Lock(State())
  private let onRoom = Lock<(@Sendable () -> Void)?>(nil)

  /// Says what to do when there is room again after `add` has said that there is none.
  func whenRoom(_ action: @escaping @Sendable () -> Void) {
    onRoom.withLock { $0 = action }
  }

  /// Adds an event; false when no more should be added for now.
  func add(_ event: ClientEvent) -> Bool {
    while true {
      let (taker, hasRoom) = state.withLock { state -> (OneShot<ClientEvent?>?, Bool) in
        if let taker = state.takers.popFirst() { return (taker, true) }
        state.events.append(event)
        if state.events.count >= Self.highWater { state.isHeldBack = true }
        return (nil, !state.isHeldBack)
      }
      guard let taker else { return hasRoom }
      if taker.resume(.success(event)) { return true }
      // That one was cancelled: the event goes to the next who asks.
    }
  }

  /// Ends the sequence after what waits.
  func finish(_ error: ApusClientError?) {
    let takers = state.withLock { state in
      state.end = state.end ?? error.map(Result.failure) ?? .success(())
      defer { state.takers = [] }
      return state.takers
    }
    // What it holds may hold the queue.
    onRoom.withLock { $0 = nil }
    for taker in takers { taker.resume(error.map(Result.failure) ?? .success(nil)) }
  }

  func next() async throws -> ClientEvent? {
    try await OneShot<ClientEvent?>.wait { [self] taker in
      let (event, hasRoomAgain) = state.withLock { state -> (Result<ClientEvent?, any Error>?, Bool) in
        if let event = state.events.popFirst() {
          let hasRoomAgain = state.isHeldBack && state.events.count <= Self.lowWater
          if hasRoomAgain { state.isHeldBack = false }
          return (.success(event), hasRoomAgain)
        }
        if let end = state.end { return (end.map { nil }.mapError { $0 }, false) }
        state.takers.append(taker)
        return (nil, false)
      }
      if let event { taker.resume(event) }
      if hasRoomAgain { onRoom.withLock { $0 }?() }
    }
  }
}
