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
        .init("partial", .array(.string()), optional: true, "Nodes that have not answered."),
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
    .init("channels", .integer(0...Int(1) << 53), optional: true, "Those with a subscriber there."),
    .init("draining", .boolean, optional: true, "Whether it goes away soon."),
    .init(
      "leaseAge", .integer(0...Int(1) << 53), optional: true,
      "Milliseconds since it renewed its lease; not there without Redis."),
    .init("memory", .integer(0...Int(1) << 53), optional: true, "Resident bytes."),
    .init("busiestLoop", .number, optional: true, "The share of the last ten seconds that it has worked, 0 to 1."),
    .init("redisRoundTrip", .number, optional: true, "Milliseconds of the latest one."),
  ]

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
        .init("partial", .array(.string()), optional: true, "Nodes that have not answered."),
      ]
    ) { (request) async throws(RouteError) in
      let replies = try await cluster.ask(nodes: .statistics)
      var writer = ByteWriter(capacity: 256)
      writer.append(literal: #"{"connections":"#)
      writer.append(replies.sum("connections"))
      writer.append(member: "users", replies.sum("users"))
      writer.append(member: "channels", replies.sum("channels"))
      writer.append(member: "subscriptions", replies.sum("subscriptions"))
      writer.append(key: "published")
      writer.append(number: replies.rate("published"))
      writer.append(key: "delivered")
      writer.append(number: replies.rate("delivered"))
      writer.append(partial: replies.partial)
      writer.append(byte: UInt8(ascii: "}"))
      return String(decoding: writer.bytes, as: UTF8.self)
    }
  }
}
