import Cluster
import HTTPTypes
import JSON
import Model

/// Who is in a channel.
struct PresenceRoutes: Sendable {
  /// The most connections of one answer.
  static let maxConnections = 1000

  let cluster: ClusterAccess

  var all: [Route] { [read] }

  private var read: Route {
    Route(
      method: .get, path: "/api/channels/{channel}/presence",
      summary: "Tell which connections are in a channel's presence, page by page.",
      query: [
        .init("limit", .integer(1...Self.maxConnections), "At most so many; \(Self.maxConnections) without."),
        .init("cursor", .string(maxBytes: 64), "Where the answer before said that the next page begins."),
      ],
      answer: [
        .init(
          "connections",
          .array(
            .object([
              .init("user", .nullable(.string()), "Null for an anonymous connection."),
              .init("client", .string(), "The id of the connection."),
              .init("node", .string(), optional: true, "The id of its node, where there is Redis."),
              .init("since", .integer(0...Int(1) << 53), "When it entered, in milliseconds since 1970."),
              .init("info", .anything, optional: true, "What it shows of itself."),
            ]), maxCount: Self.maxConnections),
          "In no order. What comes and goes meanwhile may be told twice or not at all."),
        .init("count", .integer(0...Int(1) << 53), "Users and anonymous connections, of all pages."),
        .init("cursor", .string(), optional: true, "Where the next page begins; not there on the last."),
      ], errors: [.invalidChannel]
    ) { (request) async throws(RouteError) in
      let channel = try request.channel()
      guard try cluster.rule(for: channel).hasPresence else {
        throw RouteError(.forbidden, "There is no presence in \(channel).")
      }
      let limit = request.number("limit", default: Self.maxConnections)
      let question = Question.connections(channel, cursor: request.query["cursor"], limit: limit)
      guard case .connections(let page) = try await cluster.ask(question) else { throw ClusterAccess.unexpected }
      return Self.text(page)
    }
  }

  private static func text(_ page: PresencePage) -> String {
    var writer = ByteWriter(capacity: 64 + page.entries.count * 128)
    writer.append(literal: #"{"connections":"#)
    writer.append(list: page.entries) { entry, writer in
      writer.append(literal: #"{"user":"#)
      if let user = entry.connection.user {
        writer.append(quoting: user.string)
      } else {
        writer.append(literal: "null")
      }
      writer.append(member: "client", entry.connection.client.string)
      writer.append(member: "node", entry.node.isEmpty ? nil : entry.node)
      writer.append(member: "since", Int(entry.since))
      if let info = entry.connection.info {
        writer.append(key: "info")
        writer.append(utf8: info)
      }
      writer.append(byte: UInt8(ascii: "}"))
    }
    writer.append(member: "count", page.count)
    writer.append(member: "cursor", page.cursor)
    writer.append(byte: UInt8(ascii: "}"))
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
