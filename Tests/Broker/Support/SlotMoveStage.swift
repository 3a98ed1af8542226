import Cluster
import Model
import Redis
import Testing

@testable import Broker

/// A partition with something of everything in it, the scripts that work on it, run at the first owner of its slot, and
/// somebody there who hears what they publish.
final class SlotMoveStage {
  private static let node = "web-1.x3f9"

  let move: SlotMove
  /// As INFO would tell of the first owner.
  let server: ServerIdentity
  private let keys: RedisKeys
  private let caller: ScriptCaller
  private let probe: RedisProbe
  private let target: RedisProbe
  private let listener: RedisProbe
  private let room: ChannelName
  private let hall: ChannelName
  private let user: UserName
  private var seeds = 0

  init(_ move: SlotMove, _ partition: KeyspaceIndex, server: String = "one") throws {
    self.move = move
    self.server = ServerIdentity(runID: server, replicationID: "replid of \(server)")
    keys = RedisKeys(prefix: PartitionTags.prefix("apus:", ofPartition: partition))
    caller = try ScriptCaller(move.source.redis)
    probe = try move.source.redis.connect()
    target = try move.target.redis.connect()
    listener = try move.source.redis.connect()
    room = try PartitionNames.channel(of: partition)
    hall = try PartitionNames.channel(of: partition, 1)
    user = try PartitionNames.user(of: partition)
    for name in [keys.messages(room), keys.messages(hall), keys.control, keys.controlPrefix + Self.node] {
      let answer = try listener.call("SSUBSCRIBE", name)
      guard answer.error == nil else { throw Failure("SSUBSCRIBE: \(answer)") }
    }
  }

  /// The key of that kind: of the channel, or of the partition.
  func key(_ kind: String) -> String {
    switch kind {
    case "presence": keys.presence(room)
    case "users": keys.users(room)
    default: keys.prefix + kind
    }
  }

  // MARK: What is there

  /// Empties both servers and writes down a node, its connections, members and messages.
  func fill() throws {
    for redis in [move.source.redis, move.target.redis] { try redis.call("FLUSHALL") }
    try setUp(renew(taking: true))
    try setUp(streams.identify(newSeed: newSeed(), layout: .ofPartition, era: 0))
    for client in members { try setUp(presence.join(client, room, node: Self.node, since: 5, isAgain: false)) }
    for number in 1...3 { _ = try publish("\(number)") }
    try setUp(publishing("4", key: "known"))
    for client in ["c-1", "c-2"] { _ = try probe.call("HSET", keys.user(user), client, Self.node) }
    _ = try probe.call("HSET", keys.connections(ofNode: Self.node), "c-1", "")
    // Nobody has seen this node for long.
    _ = try probe.call("ZADD", keys.nodes, "1", "ghost.abc123")
    _ = try heard()
  }

  private func setUp(_ call: ScriptCall) throws { _ = try run(call).get() }

  private var members: [MemberConnection] {
    [
      MemberConnection(client: ClientID("c-1"), user: user, info: nil),
      MemberConnection(client: ClientID("c-2"), user: user, info: nil),
      MemberConnection(client: ClientID("c-3"), user: nil, info: "1"),
    ]
  }

  /// What is kept is of an earlier run from now on.
  func beginAnotherRun() throws { _ = try probe.call("HSET", keys.run, "run", "another") }

  func leaveAllButOne() throws { try setUp(leave(members.dropFirst())) }

  /// Which keys may have gone: none, each by itself, all but each, and all.
  func subsets() throws -> [[String]] {
    try fill()
    let all = try move.keys(at: move.source)
    return [[]] + all.map { [$0] } + all.map { key in all.filter { $0 != key } } + [all]
  }

  /// A digest of what stands under each key at each of the two servers.
  func everything() throws -> [String: String] {
    var found: [String: String] = [:]
    for (name, primary, probe) in [("source", move.source, probe), ("target", move.target, target)] {
      for key in try move.keys(at: primary) {
        // A server that does not have the slot yet answers only so.
        if name == "target" { _ = try probe.call("ASKING") }
        let digest = try probe.call("EVAL", "return redis.sha1hex(redis.call('DUMP', KEYS[1]))", "1", key)
        guard digest.text.utf8.count == 40 else { throw Failure("\(key) at the \(name): \(digest)") }
        found["\(name) \(key)"] = digest.text
      }
    }
    return found
  }

  /// The keys there of who is in the channel.
  func members(at primary: ClusterPrimary) throws -> [String] {
    try move.keys(at: primary).filter { [keys.presence(room), keys.users(room)].contains($0) }
  }

  /// What was published at the first owner since this was asked last.
  func heard() throws -> [String] {
    let answer = try probe.call("SPUBLISH", keys.control, "end")
    guard answer.integer == 1 else { throw Failure("SPUBLISH: \(answer)") }
    var heard: [String] = []
    while true {
      guard let text = try listener.receive().elements.last?.text else { throw Failure("that was no message") }
      if text == "end" { return heard }
      heard.append(text)
    }
  }

  // MARK: Scripts

  /// Runs a script at the first owner.
  func run(_ call: ScriptCall) throws -> Result<RedisAnswer, RedisError> {
    let source = String(decoding: PubSub.sharded.text(of: call.script), as: UTF8.self)
    do {
      return .success(try caller.run(call, source: source) { RedisAnswer($0) })
    } catch let failure as Failure {
      return .failure(RedisError(failure.description))
    }
  }

  /// Whether a node takes it for a sign that the slot is on its way.
  static func isOfMove(_ error: RedisError) -> Bool { error.isOfSlot || error.message.hasPrefix("ERR ") }

  private var streams: StreamScripts {
    StreamScripts(keys: keys, run: RedisRun(name: server.runID, replicationID: server.replicationID))
  }
  private var presence: PresenceScripts { PresenceScripts(keys: keys) }

  private func newSeed() -> String {
    seeds += 1
    return "\(server.runID)\(seeds)"
  }

  /// Calls of each script, some of which find keys that are there, and some none.
  func calls() throws -> [(name: String, call: ScriptCall)] {
    let (newcomer, here) = (MemberConnection(client: ClientID("c-9"), user: "zoe", info: nil), members[0])
    let join = { self.presence.join($0, $1, node: Self.node, since: 5, isAgain: $2) }
    return [
      ("join", join(newcomer, room, false)), ("join again", join(here, room, true)),
      ("join the first", join(newcomer, hall, false)), ("leave", leave(members.prefix(1))),
      ("leave of all", leave(members[...])), ("roster", roster),
      ("count", presence.roster(room, onlyCount: true, maxBytes: 0)), ("publish", try publishing("5")),
      ("publish by a key", try publishing("5", key: "new")),
      ("publish by a known key", try publishing("5", key: "known")),
      ("publish the first", try publishing("1", to: hall)),
      ("read", streams.read(room, .newest(10), newSeed: newSeed())),
      ("recover", streams.read(room, .recover(.time(0)), newSeed: newSeed())),
      ("read nothing", streams.read(hall, .position, newSeed: newSeed())), ("send", send),
      ("send to nobody", send(to: keys.user("nobody"))), ("renew", renew(taking: false)),
      ("take the lease", renew(taking: true)),
      ("identify", streams.identify(newSeed: newSeed(), layout: .ofPartition, era: 0)),
      ("doubt", streams.doubt(newSeed: newSeed(), isEntering: true)),
      ("clear", streams.clear(room, newSeed: newSeed())),
      (
        "expired",
        ScriptCall(
          script: .expired, keys: [keys.nodes],
          arguments: [.text(Self.node), .text(keys.nodePrefix), .text(keys.reapPrefix), "1000"])
      ),
      (
        "forget",
        ScriptCall(
          script: .forget, keys: [keys.user(user), keys.user(user)], arguments: [.text(Self.node), "c-1", "c-2"])
      ),
      ("survey", ScriptCall(script: .survey, keys: [keys.nodes], arguments: [.text(keys.control), "q 1 x\nx"])),
    ]
  }

  private func leave(_ members: ArraySlice<MemberConnection>) -> ScriptCall {
    presence.leave(members.map { .init(client: $0.client, user: $0.user) }, room)
  }

  var leaveOfTheLast: ScriptCall { leave(members.prefix(1)) }

  var roster: ScriptCall { presence.roster(room, onlyCount: false, maxBytes: Roster.maxBytes) }

  var send: ScriptCall { send(to: keys.user(user)) }

  private func send(to user: String) -> ScriptCall {
    ScriptCall(
      script: .send, keys: [user, keys.run],
      arguments: [.text(keys.control), .text(keys.controlPrefix), .text(keys.nodePrefix), "u x\n{"])
  }

  private func renew(taking: Bool) -> ScriptCall {
    ScriptCall(
      script: .renew, keys: [keys.node(Self.node), keys.nodes, keys.layout, keys.run],
      arguments: [.text(Self.node), "600000", taking ? "1" : "0", "", "name", "web-1"])
  }

  private func publishing(_ data: String, to channel: ChannelName? = nil, key: String? = nil) throws -> ScriptCall {
    let key = key.map { IdempotencyKey(publisher: .user("alice"), key: $0) }
    return try #require(streams.publish(.text(data, to: channel ?? room, key: key), newSeed: newSeed()))
  }

  /// Publishes to the room; returns the message's position.
  func publish(_ data: String = "1") throws -> StreamPosition {
    let answer = try run(publishing(data)).get()
    return StreamPosition(epoch: answer.elements[0].text, offset: answer.elements[1].integer)
  }

  /// Where the room's history stands.
  func position() throws -> StreamPosition {
    let answer = try run(streams.read(room, .position, newSeed: newSeed())).get()
    return StreamPosition(epoch: answer.elements[0].text, offset: answer.elements[1].integer)
  }

  /// Under what name the run goes, told by a node that has seen that server in the slot before.
  func identify(_ voucher: ServerIdentity?) throws -> String {
    let call = streams.identify(newSeed: newSeed(), layout: .ofPartition, era: 0, voucher: voucher)
    return try run(call).get().elements[0].text
  }
}
