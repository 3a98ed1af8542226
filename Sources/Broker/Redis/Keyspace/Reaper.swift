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
  private unowned let links: any KeyspaceLinks
  /// Told of what Redis refuses.
  private let refused: (RedisError) -> Void
  private var sweeping: Set<String> = []
  /// Members taken out since the start.
  private(set) var reaped = 0

  init(keys: RedisKeys, links: any KeyspaceLinks, refused: @escaping (RedisError) -> Void) {
    self.keys = keys
    self.links = links
    self.refused = refused
  }

  /// Takes out everything a dead node left, its lease and keys last; `done` says whether it came to the end.
  func reap(_ node: String, done: @escaping (Bool) -> Void) {
    sweep(node, keeping: { _, _ in false }) { [unowned self] finished in
      finished ? forgetConnections(of: node, cursor: "0", done) : done(false)
    }
  }

  /// First its keys, and then it is no node any more: what stands there without a node nobody would ever look for.
  private func removeKeys(of node: String, _ done: @escaping (Bool) -> Void) {
    var remove = RedisCommand("DEL", keys.channels(ofNode: node), keys.connections(ofNode: node))
    remove.arg(keys.node(node))
    remove.arg(keys.reap(node))
    send(remove, orEndWith: done) { [unowned self] in
      send(RedisCommand("ZREM", keys.nodes, node), orEndWith: done) { done(true) }
    }
  }

  /// Goes on when Redis has done it, which it says by a number.
  private func send(
    _ command: RedisCommand, orEndWith done: @escaping (Bool) -> Void, then proceed: @escaping () -> Void
  ) {
    let sent = links.send(command) { [unowned self] outcome in
      accepted(outcome)?.kind == .integer ? proceed() : done(false)
    }
    if !sent { done(false) }
  }

  /// The answer, unless it is none or an error.
  private func accepted(_ outcome: RedisLink.Outcome) -> RedisReplyView? {
    guard case .reply(let reply) = outcome else { return nil }
    guard let error = reply.error else { return reply }
    refused(error)
    return nil
  }

  /// Takes the node's connections out of those of their users, a batch at a time, and then removes its keys.
  private func forgetConnections(of node: String, cursor: String, _ done: @escaping (Bool) -> Void) {
    let scan = RedisCommand("HSCAN", keys.connections(ofNode: node), cursor, "COUNT", String(Self.batch))
    let asked = links.send(scan) { [unowned self] outcome in
      guard let reply = accepted(outcome), let next = reply[0]?.string, let fields = reply[1] else {
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
        links.send(extend) { _ in }
        && links.run(.forget, keys: users, arguments) { [unowned self] outcome in
          accepted(outcome)?.kind == .integer ? proceed() : done(false)
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
    let asked = links.send(RedisCommand("SMEMBERS", keys.channels(ofNode: node))) { [unowned self] outcome in
      guard let reply = accepted(outcome), reply.kind == .array else { return sweep.done(false) }
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
    let asked = links.send(command) { [unowned self] outcome in
      if isOfForeignData(outcome) { return nextChannel(sweep) }
      guard let reply = accepted(outcome), let next = reply[0]?.string, let fields = reply[1] else {
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

  /// Whether other programs have written where the channel's members should stand: none is to be found there.
  private func isOfForeignData(_ outcome: RedisLink.Outcome) -> Bool {
    guard case .reply(let reply) = outcome else { return false }
    return reply.error?.isOfForeignData == true
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
      links.send(extend) { _ in }
      && links.run(call) { [unowned self] outcome in
        if isOfForeignData(outcome) { return nextChannel(sweep) }
        guard let reply = accepted(outcome), reply.kind == .integer else { return sweep.done(false) }
        reaped += reply.integer
        proceed()
      }
    if !asked { sweep.done(false) }
  }
}

@available(*, unavailable)
extension Reaper: Sendable {}
