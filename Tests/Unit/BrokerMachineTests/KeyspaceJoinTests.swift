@testable import Broker
import Redis
import Testing

/// How a node comes into a keyspace for the first time, and back into it.
@Suite struct KeyspaceJoinTests {
  private let fenced = RedisError("FENCED the lease of this node has run out")

  /// The run of that name, on a server that is a primary.
  private func run(_ name: String) -> RedisRun { RedisRun(name: name, replicationID: "r") }

  private func begin(_ join: inout KeyspaceJoin) -> KeyspaceJoin.Action { join.begin(run("id")) }

  private func identified(_ join: inout KeyspaceJoin, _ run: String, isDoubtful: Bool = false) -> [KeyspaceJoin.Action]
  {
    join.identified(.success((run: run, isDoubtful: isDoubtful)))
  }

  /// One that is joined to the run `a`.
  private func joined() -> KeyspaceJoin {
    var join = KeyspaceJoin()
    _ = begin(&join)
    _ = identified(&join, "a")
    _ = join.leased(nil)
    return join
  }

  @Test func forTheFirstTime() {
    var join = KeyspaceJoin()
    #expect(begin(&join) == .identify(run("id"), previousRun: nil, lostLease: false))
    let named = identified(&join, "a")
    #expect(named == [.adopt(run("a")), .renewLease(taking: true)])
    let leased = join.leased(nil)
    #expect(leased == [.enterMembers])
    #expect(join.membersEntered() == .sweep && join.swept(isWhole: true) == .joined)
  }

  @Test func afterALostConnection() {
    var join = joined()
    #expect(begin(&join) == .identify(run("id"), previousRun: "a", lostLease: false))
    let named = identified(&join, "a")
    #expect(named == [.adopt(run("a")), .renewLease(taking: false)], "the lease must be there still")
  }

  @Test func anotherRunIsAnotherID() {
    var join = joined()
    let named = identified(&join, "b", isDoubtful: true)
    #expect(named == [.adopt(run("b")), .beginReentry, .takeNewID, .renewLease(taking: true)])
    #expect(begin(&join) == .identify(run("id"), previousRun: "b", lostLease: false))
  }

  @Test func aLeaseThatIsGoneIsAnotherID() {
    var join = joined()
    _ = begin(&join)
    _ = identified(&join, "a")
    let leased = join.leased(fenced)
    #expect(leased == [.beginReentry, .takeNewID, .renewLease(taking: true)])
    let taken = join.leased(nil)
    #expect(taken == [.enterMembers])
  }

  @Test func aLeaseThatWasLostWhileJoinedIsToldOnce() {
    var join = joined()
    join.leaseLost()
    let renamed = join.takeNewID()
    #expect(renamed == [.takeNewID])
    #expect(begin(&join) == .identify(run("id"), previousRun: "a", lostLease: true))
    let named = identified(&join, "a", isDoubtful: true)
    #expect(named == [.adopt(run("a")), .beginReentry, .renewLease(taking: true)], "it has another id already")
    #expect(begin(&join) == .identify(run("id"), previousRun: "a", lostLease: false))
  }

  @Test func whoCannotLookForWhatWasLeftBehindIsNotJoined() {
    guard case .reset(let reason) = joined().swept(isWhole: false) else {
      Issue.record("it is joined")
      return
    }
    #expect(reason.contains("left behind"))
  }

  @Test func refusalsAreReasons() {
    let error = RedisError("OOM command not allowed")
    var join = KeyspaceJoin()
    let named = join.identified(.failure(error))
    #expect(named == [.reset(error.advice)])
    let leased = join.leased(error)
    #expect(leased == [.reset(error.advice)])
  }
}
