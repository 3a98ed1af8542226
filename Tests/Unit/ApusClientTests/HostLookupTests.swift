import Locks
import Reactor
import Testing

@testable import ApusClient

@Suite struct HostLookupTests {
  /// What a client whose program has given up leaves behind.
  @Test(.timeLimit(.minutes(1))) func answersMayComeWhenNobodyWaitsAnyMore() async throws {
    let url = try ClientURL("ws://localhost/ws")
    let isFound = Lock(false)
    let thread = try LoopThread.start("lookup") { loop in
      for _ in 0..<20 { HostLookup(on: loop).find(url) { _ in Issue.record("told") } }
      let lookup = HostLookup(on: loop)
      lookup.find(url) { _ in isFound.withLock { $0 = true } }
      return lookup
    }
    while !isFound.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(5)) }
    thread.stop()
  }
}
