import Redis

/// A partition's links as its keyspace sees them.
extension PartitionLinks: KeyspaceLinks {
  var pubSub: PubSub { .sharded }
  var isConnected: Bool { isOpen }
  var isInCluster: Bool { true }
  var place: ObjectIdentifier? { server.map(ObjectIdentifier.init) }

  var isProbed: Bool {
    guard let server else { return false }
    let isTaken = server.prober.map { $0.server === server && $0.isOpen && $0.subscribed === server } ?? false
    if !isTaken { server.prober = self }
    return server.prober === self
  }

  /// One that has become a primary since it was seen there may have been a replica that did not have everything.
  var voucher: ServerIdentity? {
    guard let seen, let server, let run = server.run, cluster.now - seen.at <= Self.memory,
      run.previousReplicationID.isEmpty || server.known < seen.at
    else { return nil }
    return seen.identity
  }

  func start() {}

  func stop() {
    cancelChecks()
    isOpen = false
    cluster.stopped(self)
  }

  func send(_ command: RedisCommand, answer: @escaping (RedisLink.Outcome) -> Void) -> Bool {
    guard isOpen, let server else { return false }
    return server.server.commands.send(command, answer: noting(nil, answer))
  }

  func send(
    _ name: StaticString, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer,
    answer: @escaping (RedisLink.Outcome) -> Void
  ) -> Bool {
    guard isOpen, let server else { return false }
    return server.server.commands.send(name, first, second, answer: noting(nil, answer))
  }

  func run(_ call: ScriptCall, answer: @escaping (RedisLink.Outcome) -> Void) -> Bool {
    guard isOpen, let server else { return false }
    return server.server.scripts.run(call, answer: noting(call.script, answer))
  }

  private func noting(
    _ script: Script?, _ answer: @escaping (RedisLink.Outcome) -> Void
  ) -> (RedisLink.Outcome) -> Void {
    let life = life
    return { [unowned self] outcome in
      if life == self.life { note(outcome, of: script) }
      answer(outcome)
    }
  }

  func subscribe(_ names: [String]) {
    subscribed?.sendSubscription(pubSub.subscribe, names, of: index)
  }

  func unsubscribe(_ names: [String]) {
    for name in names { unsubscribing[name, default: 0] += 1 }
    subscribed?.sendSubscription(pubSub.unsubscribe, names, of: index)
  }

  /// It was subscribed before the partition was reset, while the link to the server stayed.
  func disown(_ name: String) {
    if unsubscribing[name] == nil { unsubscribe([name]) }
  }

  func pause() {
    subscribed?.server.subscriber.pause()
  }

  func resume() {
    subscribed?.server.subscriber.resume()
  }

  func reset(_ reason: String) {
    resetCommands(reason)
    endSubscriptions(reason)
  }

  func resetCommands(_ reason: String) {
    cancelChecks()
    checkAgain(reason)
  }

  func resetServer(_ reason: String) {
    server?.server.reset(reason)
  }

  func doubt() {
    cluster.doubt()
  }

  func lookAgain() {
    cancelChecks()
    isOpen = false
    check()
  }

  func markHealthy() {
    backoff.reset()
    server?.server.markHealthy()
  }
}
