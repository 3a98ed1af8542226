import Server
import Testing

@Suite struct ConnectionCounterTests {
  @Test func takesAsManyAsItsLimit() {
    let connectionCounter = ConnectionCounter(limit: 2)
    #expect(connectionCounter.enter())
    #expect(connectionCounter.enter())
    #expect(!connectionCounter.enter(), "one too many")
    #expect(connectionCounter.count == 3, "which is counted until it has gone")
    connectionCounter.leave()
    #expect(!connectionCounter.enter(), "still full")
    connectionCounter.leave()
    connectionCounter.leave()
    #expect(connectionCounter.count == 1)
    #expect(connectionCounter.enter())
  }

  @Test func zeroIsNoLimit() {
    let connectionCounter = ConnectionCounter(limit: 0)
    for _ in 0..<10_000 { #expect(connectionCounter.enter()) }
    #expect(connectionCounter.count == 10_000)
  }

  @Test func manyThreadsTakeExactlyTheLimit() async {
    let connectionCounter = ConnectionCounter(limit: 500)
    let admitted = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 { group.addTask { (0..<200).count { _ in connectionCounter.enter() } } }
      return await group.reduce(0, +)
    }
    #expect(admitted == 500)
    #expect(connectionCounter.count == 1600)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { for _ in 0..<200 { connectionCounter.leave() } } }
    }
    #expect(connectionCounter.count == 0)
  }
}
