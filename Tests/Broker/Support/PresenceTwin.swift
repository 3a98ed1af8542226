import Cluster
import Model
import Protocol
import Redis
import Testing

@testable import Broker

/// Rooms in memory and in Redis that get the same, by the scripts alone: what listeners are told and who is there must
/// be the same in both.
final class PresenceTwin {
  private static let node = "web-1.x3f9"

  private let caller: ScriptCaller
  private let redis: RedisProbe
  private let listener: RedisProbe
  private let scripts = PresenceScripts(keys: RedisKeys(prefix: "apus:"))
  private var rooms: [ChannelName: MemoryRoom] = [:]
  /// When each member has entered.
  private var entered: [ChannelName: [ClientID: Int]] = [:]
  /// A clock that stands still where nobody moves it.
  var now = 1_730_000_000_000

  init(_ process: RedisProcess) throws {
    caller = try ScriptCaller(process)
    redis = try process.connect()
    listener = try process.connect()
    _ = try redis.call("HSET", "apus:node:\(Self.node)", "id", Self.node)
    _ = try listener.call("PSUBSCRIBE", "apus:ch:*")
  }

  // MARK: Telling both

  /// Enters a connection, again where it is a member; returns whether its user, or it itself, has come.
  @discardableResult
  func join(_ connection: MemberConnection, _ channel: ChannelName, isAgain: Bool = false) throws -> Bool {
    let since = since(connection.client, channel)
    let call = scripts.join(connection, channel, node: Self.node, since: since, isAgain: isAgain)
    try #require(try caller.run(call) { $0.string } == "OK")
    var room = rooms[channel] ?? MemoryRoom()
    let hasCome = room.join(connection, now: Int64(since))
    rooms[channel] = room
    try expect(hasCome ? join(of: connection, channel, count: room.count) : nil)
    return hasCome
  }

  /// Ends memberships, also of those who are none; returns how many users and anonymous connections have gone.
  @discardableResult
  func leave(_ clients: [(client: ClientID, user: UserName?)], _ channel: ChannelName) throws -> Int {
    let call = scripts.leave(clients.map { .init(client: $0.client, user: $0.user) }, channel)
    _ = try caller.run(call) { $0.integer }
    var gone = 0
    for (client, _) in clients {
      entered[channel]?[client] = nil
      guard let member = rooms[channel]?.leave(client) else { continue }
      gone += 1
      try expect(
        Interchange.leave(
          channel: channel, user: member.user, client: client, info: nil, count: rooms[channel]?.count ?? 0))
    }
    try expect(nil)
    return gone
  }

  /// Reads who is there from both; returns it.
  @discardableResult
  func roster(_ channel: ChannelName, onlyCount: Bool = false, maxBytes: Int = Roster.maxBytes) throws -> Roster {
    let call = scripts.roster(channel, onlyCount: onlyCount, maxBytes: maxBytes)
    let fromRedis = try caller.run(call) { RosterReply.read($0, onlyCount: onlyCount, maxBytes: maxBytes) }
    let room = rooms[channel] ?? MemoryRoom()
    let expected = onlyCount ? Roster(members: nil, count: room.count) : room.roster(maxBytes: maxBytes)
    try #require(fromRedis == expected, "\(channel)")
    return expected
  }

  /// Nothing is left in Redis of rooms that are empty.
  func expectNoLeftovers() throws {
    for (channel, room) in rooms where room.isEmpty {
      for key in ["apus:presence:\(channel)", "apus:users:\(channel)"] {
        try #require(try redis.call("EXISTS", key).integer == 0, "\(key) is left")
      }
    }
  }

  // MARK: -

  /// When the connection entered, as the node's table keeps it: a later join does not change that.
  private func since(_ client: ClientID, _ channel: ChannelName) -> Int {
    if let since = entered[channel]?[client] { return since }
    entered[channel, default: [:]][client] = now
    return now
  }

  private func join(of connection: MemberConnection, _ channel: ChannelName, count: Int) -> EventText {
    Interchange.join(
      channel: channel, user: connection.user, client: connection.client, info: connection.info, count: count)
  }

  /// The next thing that listeners hear is this; nothing where it is nil.
  private func expect(_ event: EventText?) throws {
    guard let event else {
      // What was published before this has been heard before it.
      _ = try redis.call("PUBLISH", "apus:ch:end", "end")
      try #require(try heard() == "end")
      return
    }
    let text = event.withBytes { String(decoding: $0, as: UTF8.self) }
    try #require(try heard() == text)
  }

  /// The next event, without the header before it.
  private func heard() throws -> String {
    let payload = try listener.receive().elements.last?.text ?? ""
    return payload.split(separator: "\n", maxSplits: 1).last.map(String.init) ?? ""
  }
}
