import DequeModule
import Reactor

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
    let (taker, hasRoom) = state.withLock { state -> (OneShot<ClientEvent?>?, Bool) in
      while let taker = state.takers.popFirst() {
        if !taker.isOver { return (taker, true) }
      }
      state.events.append(event)
      if state.events.count >= Self.highWater { state.isHeldBack = true }
      return (nil, !state.isHeldBack)
    }
    // Cancelled in between: the event goes to the next who asks.
    if let taker, !taker.resume(.success(event)) { state.withLock { $0.events.prepend(event) } }
    return hasRoom
  }

  /// Ends the sequence after what waits.
  func finish(_ error: ApusClientError?) {
    let takers = state.withLock { state in
      state.end = state.end ?? error.map(Result.failure) ?? .success(())
      defer { state.takers = [] }
      return state.takers
    }
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
