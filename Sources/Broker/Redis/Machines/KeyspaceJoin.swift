import Redis

/// How a node comes into a keyspace, and back into it: under what name its run goes, the lease, the members, and what is
/// left of earlier ones; without any I/O.
///
/// It remembers what the node knew of the keyspace when it was joined before.
struct KeyspaceJoin {
  enum Action: Equatable {
    /// Ask under what name the run goes that INFO tells of; `previousRun` is the one before, `lostLease` whether the
    /// lease was found gone.
    case identify(RedisRun, previousRun: String?, lostLease: Bool)
    /// This is the run, by its name.
    case adopt(RedisRun)
    /// Redis may not know who is connected.
    case beginReentry
    /// Go on under another id: what stands in Redis under the present one is not what it was.
    case takeNewID
    /// Renew the lease, or take it, where there was none under this id.
    case renewLease(taking: Bool)
    case enterMembers
    /// Take out what stands in Redis under this node's id, and nobody stands behind.
    case sweep
    case joined
    /// The connection is of no use, for that reason.
    case reset(String)
  }

  /// What INFO tells of the run: that has no name yet.
  private var greeted = RedisRun(name: "", replicationID: "")
  /// The name of the run that the node was joined to before.
  private var lastRun: String?
  /// Whether the present id has held a lease.
  private var hasHeldLease = false
  /// Whether the lease was found gone and the run has not been looked at since.
  private var hasLostLease = false

  /// The server can be used; `run` is what its INFO tells.
  mutating func begin(_ run: RedisRun) -> Action {
    greeted = run
    return .identify(run, previousRun: lastRun, lostLease: hasLostLease)
  }

  /// The lease was found gone while the node was joined.
  mutating func leaseLost() {
    hasLostLease = true
  }

  mutating func identified(_ answer: Result<(run: String, isDoubtful: Bool), RedisError>) -> [Action] {
    switch answer {
    case .failure(let error): return [.reset(error.advice)]
    case .success(let (run, isDoubtful)):
      let named = RedisRun(
        name: run, replicationID: greeted.replicationID, previousReplicationID: greeted.previousReplicationID)
      var actions = [Action.adopt(named)]
      if isDoubtful { actions.append(.beginReentry) }
      // What stands in Redis may be older than what was written there last: all of it goes with the id, and what is so is
      // entered anew.
      if hasHeldLease, run != lastRun { actions += takeNewID() }
      lastRun = run
      hasLostLease = false
      actions.append(.renewLease(taking: !hasHeldLease))
      return actions
    }
  }

  mutating func leased(_ error: RedisError?) -> [Action] {
    switch error {
    case nil:
      hasHeldLease = true
      return [.enterMembers]
    case .some(let error) where error.isFenced:
      return [.beginReentry] + takeNewID() + [.renewLease(taking: !hasHeldLease)]
    case .some(let error): return [.reset(error.advice)]
    }
  }

  func membersEntered() -> Action { .sweep }

  /// `isWhole`: everything was looked at. Else members may stand there whom nobody will ever take out.
  func swept(isWhole: Bool) -> Action {
    isWhole ? .joined : .reset("Redis does not let the node look for members that it has left behind")
  }

  /// The node goes on under another id.
  mutating func takeNewID() -> [Action] {
    hasHeldLease = false
    return [.takeNewID]
  }
}
