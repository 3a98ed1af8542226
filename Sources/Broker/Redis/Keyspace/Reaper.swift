import Logging
import Model
import Protocol
import Redis

/// Takes out of Redis what a node left there: a dead node's members and connections, or entries of this node that nobody
/// stands behind.
///
/// Walks the node's channels, and each channel's presence with HSCAN, in batches; each batch of members leaves by one
/// script call. Every step may be repeated, so an interrupted sweep is simply begun again.
final class Reaper {
  /// Members that leave by one script call.
  static let batch = 256
  /// How long a claim on a dead node lasts unless extended, in milliseconds.
  static let claim = 10_000

  private let keys: RedisKeys
  private unowned let link: RedisLink
  private unowned let scripts: ScriptRunner
  private var sweeping: Set<String> = []
  /// Members taken out since the start.
  private(set) var reaped = 0

  init(keys: RedisKeys, link: RedisLink, scripts: ScriptRunner) {
    self.keys = keys
    self.link = link
    self.scripts = scripts
  }

  /// Takes out everything a dead node left, its lease and keys last; `done` says whether it came to the end.
  func reap(_ node: String, done: @escaping (Bool) -> Void) {
    sweep(node, keeping: { _, _ in false }) { [unowned self] finished in
      finished ? forgetConnections(of: node, cursor: "0", done) : done(false)
    }
  }

  private func removeKeys(of node: String, _ done: @escaping (Bool) -> Void) {
    var remove = RedisCommand("DEL", keys.channels(ofNode: node), keys.connections(ofNode: node))
    remove.arg(keys.node(node))
    remove.arg(keys.reap(node))
    let forget = RedisCommand("ZREM", keys.nodes, node)
    guard link.send(forget, answer: { _ in }), link.send(remove, answer: { _ in done(true) }) else {
      return done(false)
    }
  }

  /// Takes the node's connections out of those of their users, a batch at a time, and then removes its keys.
  private func forgetConnections(of node: String, cursor: String, _ done: @escaping (Bool) -> Void) {
    let scan = RedisCommand("HSCAN", keys.connections(ofNode: node), cursor, "COUNT", String(Self.batch))
    let asked = link.send(scan) { [unowned self] outcome in
      guard case .reply(let reply) = outcome, let next = reply[0]?.string, let fields = reply[1] else {
        return done(false)
      }
      var users: [String] = []
      var arguments: [ScriptArgument] = [.text(node)]
      for (field, value) in fields.pairs {
        guard let user = ConnectionEntry.user(of: value.bytes) else { continue }
        users.append(keys.user(user))
        arguments.append(.text(field.string))
      }
      let proceed = { [unowned self] in
        next == "0" ? removeKeys(of: node, done) : forgetConnections(of: node, cursor: next, done)
      }
      guard !users.isEmpty else { return proceed() }
      let extend = RedisCommand("PEXPIRE", keys.reap(node), String(Self.claim))
      let sent =
        link.send(extend) { _ in }
        && scripts.run(.forget, keys: users, arguments) { outcome in
          guard case .reply(let reply) = outcome, reply.kind == .integer else { return done(false) }
          proceed()
        }
      if !sent { done(false) }
    }
    if !asked { done(false) }
  }

  /// Takes out the node's members for whom `keeping` says no.
  func sweep(
    _ node: String, keeping: @escaping (ClientID, ChannelName) -> Bool, done: @escaping (Bool) -> Void
  ) {
    guard sweeping.insert(node).inserted else { return done(false) }
    let sweep = Sweep(node: node, keeping: keeping) { [unowned self] finished in
      sweeping.remove(node)
      done(finished)
    }
    let asked = link.send(RedisCommand("SMEMBERS", keys.channels(ofNode: node))) { [unowned self] outcome in
      guard case .reply(let reply) = outcome, reply.kind == .array else { return sweep.done(false) }
      sweep.channels = reply.children.compactMap { ChannelName($0.string) }
      nextChannel(sweep)
    }
    if !asked { sweep.done(false) }
  }

  // MARK: -

  private final class Sweep {
    let node: String
    let keeping: (ClientID, ChannelName) -> Bool
    let done: (Bool) -> Void
    var channels: [ChannelName] = []

    init(node: String, keeping: @escaping (ClientID, ChannelName) -> Bool, done: @escaping (Bool) -> Void) {
      self.node = node
      self.keeping = keeping
      self.done = done
    }
  }

  private func nextChannel(_ sweep: Sweep) {
    guard let channel = sweep.channels.popLast() else { return sweep.done(true) }
    scan(sweep, channel, cursor: "0")
  }

  private func scan(_ sweep: Sweep, _ channel: ChannelName, cursor: String) {
    let command = RedisCommand("HSCAN", keys.presence(channel), cursor, "COUNT", String(Self.batch))
    let asked = link.send(command) { [unowned self] outcome in
      guard case .reply(let reply) = outcome, let next = reply[0]?.string, let fields = reply[1] else {
        return sweep.done(false)
      }
      let members = gone(fields, sweep, channel)
      let proceed = { [unowned self] in
        next == "0" ? nextChannel(sweep) : scan(sweep, channel, cursor: next)
      }
      members.isEmpty ? proceed() : remove(members, sweep, channel, then: proceed)
    }
    if !asked { sweep.done(false) }
  }

  /// Those entries of one HSCAN answer that are to go.
  private func gone(_ fields: RedisReplyView, _ sweep: Sweep, _ channel: ChannelName) -> [PresenceScripts.Leaver] {
    var members: [PresenceScripts.Leaver] = []
    for (field, value) in fields.pairs {
      let client = ClientID(field.string)
      guard let entry = PresenceEntry(parsing: value.bytes), entry.node == sweep.node, !sweep.keeping(client, channel)
      else { continue }
      members.append(.init(client: client, user: entry.user, entry: Array(value.bytes)))
    }
    return members
  }

  private func remove(
    _ members: [PresenceScripts.Leaver], _ sweep: Sweep, _ channel: ChannelName, then proceed: @escaping () -> Void
  ) {
    let extend = RedisCommand("PEXPIRE", keys.reap(sweep.node), String(Self.claim))
    let call = PresenceScripts(keys: keys).leave(members, channel)
    let asked =
      link.send(extend) { _ in }
      && scripts.run(call) { [unowned self] outcome in
        guard case .reply(let reply) = outcome, reply.kind == .integer else { return sweep.done(false) }
        reaped += reply.integer
        proceed()
      }
    if !asked { sweep.done(false) }
  }
}

@available(*, unavailable)
extension Reaper: Sendable {}
