import Cluster
import Hub
import JSON
import Model
import Server

/// Tells of this node what others ask, and does with its connections what they say.
struct NodeRespondent: Sendable {
  /// What the node is.
  struct Description: Sendable {
    let name: String
    let host: String
    let version: String
    /// Milliseconds since 1970.
    let started: Int64
  }

  /// The most bytes of a user's connections that are told at once.
  private static let maxBytes = 64 << 10

  let description: Description
  let server: @Sendable () -> Server?
  let isDraining: @Sendable () -> Bool
  let census: Census
  let traffic: Traffic
  private let process = ProcessReader()

  init(
    description: Description, server: @escaping @Sendable () -> Server?, isDraining: @escaping @Sendable () -> Bool,
    census: Census, traffic: Traffic
  ) {
    self.description = description
    self.server = server
    self.isDraining = isDraining
    self.census = census
    self.traffic = traffic
  }

  /// Nothing where it does not know what is asked.
  func answer(_ text: [UInt8]) async -> [UInt8] {
    guard let question = NodeQuestion(text), let server = server() else { return [] }
    switch question {
    case .channels(let match, let after, let limit):
      return await ChannelPage.byName(
        census.sizes(), match: match.flatMap(ChannelPattern.init), after: after, limit: limit
      ).text
    case .largestChannels(let match, let limit):
      return await ChannelPage.largest(
        census.sizes(), match: match.flatMap(ChannelPattern.init), limit: limit
      ).text
    case .subscribers(let channels):
      return await Self.subscribers(of: channels.compactMap { ChannelName($0) }, server)
    case .connections(let user): return Self.text(await server.connections(of: user))
    case .disconnect(let owner, let reason):
      return Self.object([("disconnected", await server.disconnect(owner, reason: reason))])
    case .put(let user, let channel, let isMember, let info):
      let done = await server.put(user, into: channel, SubscribeOptions(isMember ? .member : .none, info: info))
      return Self.object([("connections", done.put), ("skipped", done.skipped)])
    case .take(let user, let channel):
      return Self.object([("connections", await server.take(user, outOf: channel))])
    case .statistics: return await statistics(server)
    case .node: return await node(server)
    }
  }

  private static func subscribers(of channels: [ChannelName], _ server: Server) async -> [UInt8] {
    let counts = await server.listenerCounts(in: channels)
    // Most are not here.
    let sizes = zip(channels, counts).filter { $1 > 0 }.map { ChannelSize($0, subscribers: $1) }
    return ChannelPage(sizes: sizes, hasMore: false).text
  }

  private static func text(_ connections: [ConnectionReport]) -> [UInt8] {
    var rows: [[UInt8]] = []
    var bytes = 0
    for report in connections {
      var row = ByteWriter(capacity: 256)
      row.append(literal: #"{"client":"#)
      row.append(quoting: report.connection.client.string)
      row.append(member: "ip", report.connection.address)
      row.append(member: "since", Int(report.connection.since))
      row.append(key: "channels")
      row.append(list: report.channels) { $1.append(quoting: $0.string) }
      row.append(byte: UInt8(ascii: "}"))
      bytes += row.bytes.count
      guard bytes <= maxBytes else { break }
      rows.append(row.bytes)
    }
    var writer = ByteWriter(capacity: bytes + 64)
    writer.append(literal: #"{"connections":"#)
    writer.append(list: rows) { row, writer in row.withUnsafeBytes { writer.append($0) } }
    writer.append(literal: rows.count < connections.count ? #","cut":true}"# : "}")
    return writer.bytes
  }

  private func statistics(_ server: Server) async -> [UInt8] {
    let loops = await server.totals()
    let rates = await traffic.rates(to: loops, at: .now)
    var writer = ByteWriter(capacity: 128)
    writer.append(literal: #"{"connections":"#)
    writer.append(loops.sum(of: \.connections))
    writer.append(member: "users", loops.sum(of: \.users))
    writer.append(member: "channels", await census.sizes().count)
    writer.append(member: "subscriptions", loops.sum(of: \.subscriptions))
    writer.append(member: "published", number: rates.published)
    writer.append(member: "delivered", number: rates.delivered)
    writer.append(byte: UInt8(ascii: "}"))
    return writer.bytes
  }

  private func node(_ server: Server) async -> [UInt8] {
    let loops = await server.totals()
    return NodeRow(
      description: description, isDraining: isDraining(), memory: process.metrics().residentBytes, loops: loops,
      rates: await traffic.rates(to: loops, at: .now), broker: await server.brokerStatus()
    ).text
  }

  private static func object(_ numbers: [(String, Int)]) -> [UInt8] {
    var writer = ByteWriter(capacity: 128)
    writer.append(object: numbers)
    return writer.bytes
  }
}

extension [LoopTotals] {
  func sum(of value: (LoopTotals) -> Int) -> Int { reduce(0) { $0 + value($1) } }
}
