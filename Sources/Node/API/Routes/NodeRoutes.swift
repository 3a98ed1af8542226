import Cluster
import HTTPTypes
import JSON

/// The nodes of the cluster, and what they do together.
struct NodeRoutes: Sendable {
  let cluster: ClusterAccess

  var all: [Route] { [nodes, statistics] }

  private var nodes: Route {
    Route(
      method: .get, path: "/api/nodes", summary: "Tell which nodes are alive, and how each does.",
      answer: [
        .init(
          "nodes", .array(.object(Self.node)), "By id. One that does not answer has `name`, `id` and `leaseAge` alone."),
        .init("partial", .array(.string()), optional: true, "Nodes, and Redis, that have not answered."),
      ]
    ) { (request) async throws(RouteError) in
      let replies = try await cluster.ask(nodes: .node)
      var rows = replies.objects.map { node, object in
        var row = ByteWriter(capacity: 512)
        row.append(literal: #"{"id":"#)
        row.append(quoting: node)
        row.append(byte: UInt8(ascii: ","))
        row.append(utf8: String(object.text.dropFirst()))
        return (node, row.bytes)
      }
      rows += replies.silent.map { ($0.node, Self.row(of: $0)) }
      var writer = ByteWriter(capacity: 512 * rows.count)
      writer.append(literal: #"{"nodes":"#)
      writer.append(list: rows.sorted { $0.0 < $1.0 }) { row, writer in row.1.withUnsafeBytes { writer.append($0) } }
      writer.append(partial: replies.partial)
      writer.append(byte: UInt8(ascii: "}"))
      return String(decoding: writer.bytes, as: UTF8.self)
    }
  }

  private static func row(of silent: Survey.Silent) -> [UInt8] {
    var row = ByteWriter(capacity: 128)
    row.append(literal: #"{"id":"#)
    row.append(quoting: silent.node)
    row.append(member: "name", String(silent.node.prefix { $0 != "." }))
    row.append(member: "leaseAge", Int(silent.leaseAge))
    row.append(byte: UInt8(ascii: "}"))
    return row.bytes
  }

  private static let node: [Schema.Member] = [
    .init("name", .string(), "What the node is called."), .init("id", .string(), "Its name and this life of it."),
    .init("host", .string(), optional: true, "The name of its machine."),
    .init("version", .string(), optional: true, "Of Apus."),
    .init("started", .integer(0...Int(1) << 53), optional: true, "In milliseconds since 1970."),
    .init("connections", .integer(0...Int(1) << 53), optional: true, "Open ones."),
    .init("subscriptions", .integer(0...Int(1) << 53), optional: true, "Of its connections."),
    .init("channels", .integer(0...Int(1) << 53), optional: true, "Those with a subscriber there."),
    .init("draining", .boolean, optional: true, "Whether it goes away soon."),
    .init(
      "leaseAge", .integer(0...Int(1) << 53), optional: true,
      "Milliseconds since it renewed its lease; not there without Redis."),
    .init("memory", .integer(0...Int(1) << 53), optional: true, "Resident bytes."),
    .init("published", .number, optional: true, "Messages a second by its clients, over the last ten seconds."),
    .init("delivered", .number, optional: true, "Messages a second to its clients, over the last ten seconds."),
    .init("outbox", .integer(0...Int(1) << 53), optional: true, "Bytes that wait for clients to read."),
    .init("gaps", .integer(0...Int(1) << 53), optional: true, "Gaps that it has told since it began."),
    .init(
      "closes", .object(counts(NodeRow.closes)), optional: true,
      "Connections that it has ended since it began, by close code: too fast, too slow to read, silent."),
    .init(
      "refusals", .object(counts(NodeRow.refusals.map(String.init) + ["other"])), optional: true,
      "Handshakes that it has refused since it began, by status."),
    .init("busiestLoop", .number, optional: true, "The share of the last ten seconds that it has worked, 0 to 1."),
    .init("redisUp", .boolean, optional: true, "Whether every Redis is connected; not there without Redis."),
    .init("redisReconnects", .integer(0...Int(1) << 53), optional: true, "Times that a Redis was connected again."),
    .init("redisRoundTrip", .number, optional: true, "Milliseconds of the latest one."),
  ]

  private static func counts(_ names: [String]) -> [Schema.Member] {
    names.map { .init($0, .integer(0...Int(1) << 53), "How many.") }
  }

  private var statistics: Route {
    Route(
      method: .get, path: "/api/stats", summary: "Tell how much the cluster does.",
      answer: [
        .init("connections", .integer(0...Int(1) << 53), "Open ones."),
        .init("users", .integer(0...Int(1) << 53), "A sum over loops and nodes: a user on two counts twice."),
        .init("channels", .integer(0...Int(1) << 53), "A sum over nodes, too."),
        .init("subscriptions", .integer(0...Int(1) << 53), "Of all connections."),
        .init("published", .number, "Messages a second by clients, over the last ten seconds."),
        .init("delivered", .number, "Messages a second to clients, over the last ten seconds."),
        .init("partial", .array(.string()), optional: true, "Nodes, and Redis, that have not answered."),
      ]
    ) { (request) async throws(RouteError) in
      let replies = try await cluster.ask(nodes: .statistics)
      var writer = ByteWriter(capacity: 256)
      writer.append(literal: #"{"connections":"#)
      writer.append(replies.sum("connections"))
      writer.append(member: "users", replies.sum("users"))
      writer.append(member: "channels", replies.sum("channels"))
      writer.append(member: "subscriptions", replies.sum("subscriptions"))
      writer.append(member: "published", number: replies.rate("published"))
      writer.append(member: "delivered", number: replies.rate("delivered"))
      writer.append(partial: replies.partial)
      writer.append(byte: UInt8(ascii: "}"))
      return String(decoding: writer.bytes, as: UTF8.self)
    }
  }
}
