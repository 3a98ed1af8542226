import Redis

/// A Redis of its own is the links of its one keyspace.
extension RedisServer: KeyspaceLinks {
  /// How often a link was lost.
  var reconnects: Int { commands.reconnects + subscriber.reconnects }
  var isConnected: Bool { commands.isConnected }
  var isProbed: Bool { true }
  var isInCluster: Bool { false }
  var place: ObjectIdentifier? { ObjectIdentifier(self) }
  var voucher: ServerIdentity? { nil }

  func send(_ command: RedisCommand, answer: @escaping (RedisLink.Outcome) -> Void) -> Bool {
    commands.send(command, answer: answer)
  }

  func send(
    _ name: StaticString, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer,
    answer: @escaping (RedisLink.Outcome) -> Void
  ) -> Bool {
    commands.send(name, first, second, answer: answer)
  }

  func run(_ call: ScriptCall, answer: @escaping (RedisLink.Outcome) -> Void) -> Bool {
    scripts.run(call, answer: answer)
  }

  func subscribe(_ names: [String]) {
    sendSubscription(pubSub.subscribe, names)
  }

  func unsubscribe(_ names: [String]) {
    sendSubscription(pubSub.unsubscribe, names)
  }

  /// Does nothing: what was subscribed ended with the link.
  func disown(_ name: String) {}

  private func sendSubscription(_ name: String, _ names: [String]) {
    var command = RedisCommand(name)
    for name in names { command.arg(name) }
    _ = subscriber.sendSubscription(command, confirmations: names.count)
  }

  func pause() {
    subscriber.pause()
  }

  func resume() {
    subscriber.resume()
  }

  func resetCommands(_ reason: String) {
    commands.reset(reason)
  }

  func resetServer(_ reason: String) {
    reset(reason)
  }
}
