import Locks
import Reactor
import Testing

@testable import ApusClient

@Suite struct EventQueueTests {
  private static func event(_ number: Int) -> ClientEvent { .draining(after: number) }

  @Test(.timeLimit(.minutes(1))) func eventsComeInOrder() async throws {
    let queue = EventQueue()
    for number in 0..<10 { #expect(queue.add(Self.event(number))) }
    queue.finish(nil)
    for number in 0..<10 { #expect(try await queue.next() == Self.event(number)) }
    #expect(try await queue.next() == nil)
    #expect(try await queue.next() == nil, "and again")
  }

  @Test(.timeLimit(.minutes(1))) func whatWaitsComesBeforeTheError() async throws {
    let queue = EventQueue()
    _ = queue.add(Self.event(1))
    queue.finish(ApusClientError(.refused, "no"))
    #expect(try await queue.next() == Self.event(1))
    await #expect(throws: ApusClientError.self) { try await queue.next() }
  }

  @Test(.timeLimit(.minutes(1))) func whoWaitsIsWoken() async throws {
    let queue = EventQueue()
    async let first = queue.next()
    _ = queue.add(Self.event(1))
    #expect(try await first == Self.event(1))
    async let last = queue.next()
    queue.finish(nil)
    #expect(try await last == nil)
  }

  @Test(.timeLimit(.minutes(1))) func aFullQueueSaysSoAndThenThatThereIsRoom() async throws {
    let queue = EventQueue()
    let told = Lock(0)
    queue.whenRoom { told.withLock { $0 += 1 } }
    var taken = 0
    while queue.add(Self.event(taken)) { taken += 1 }
    #expect(taken == 1023, "the 1024th is taken, too, and is the last")
    for number in 0..<767 {
      #expect(try await queue.next() == Self.event(number))
      #expect(told.withLock { $0 } == 0)
    }
    _ = try await queue.next()
    #expect(told.withLock { $0 } == 1)
    #expect(queue.add(Self.event(0)))
  }

  /// Tasks are cancelled while events come: each event is taken once all the same.
  @Test(.timeLimit(.minutes(2))) func cancellationLosesNothing() async throws {
    let queue = EventQueue()
    let count = 2000
    let taken = Lock<[ClientEvent]>([])
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for number in 0..<count {
          _ = queue.add(Self.event(number))
          if number.isMultiple(of: 3) { await Task.yield() }
        }
        queue.finish(nil)
      }
      group.addTask {
        var isOver = false
        while !isOver {
          let attempt = Task { try await queue.next() }
          attempt.cancel()
          let result = await attempt.result
          switch result {
          case .success(let event?): taken.withLock { $0.append(event) }
          case .success(nil): isOver = true
          case .failure: break
          }
        }
      }
    }
    #expect(taken.withLock { $0 } == (0..<count).map(Self.event))
  }
}
