import Cluster
import HTTPTypes
import JSON
import Model
import Server

/// The connections of users: which there are, ending them, and where they are subscribed.
struct ConnectionRoutes: Sendable {
  /// The longest reason of a close frame, in bytes (RFC 6455 section 5.5).
  static let maxReason = 123

  let cluster: ClusterAccess

  var all: [Route] { [user, disconnectUser, disconnectClient, put, take] }

  private static let partial = Schema.Member(
    "partial", .array(.string()), optional: true, "Nodes, and Redis, that have not answered, or not told all.")
  private static let reason = Route.Parameter(
    "reason", .string(maxBytes: maxReason, pattern: #"^[^\u0000-\u001f\u007f-\u009f]*$"#),
    "A sentence that the client is closed with.")
  private static let disconnected = Schema.Member(
    "disconnected", .integer(0...Int(1) << 53), "Connections that were closed.")

  private var user: Route {
    Route(
      method: .get, path: "/api/users/{user}", summary: "Tell which connections a user has.",
      answer: [
        .init("user", .string(), "The name."),
        .init(
          "connections",
          .array(
            .object([
              .init("node", .string(), "The id of its node."), .init("client", .string(), "The id of the connection."),
              .init("ip", .string(), optional: true, "The client's address; not there on a unix socket."),
              .init("since", .integer(0...Int(1) << 53), "When it was opened, in milliseconds since 1970."),
              .init("channels", .array(.string()), "Where it is subscribed."),
            ])), "In no order."),
        Self.partial,
      ]
    ) { (request) async throws(RouteError) in
      let user = try request.user()
      let replies = try await cluster.ask(nodes: .connections(user))
      var writer = ByteWriter(capacity: 1024)
      writer.append(literal: #"{"user":"#)
      writer.append(quoting: user.string)
      writer.append(key: "connections")
      let rows = replies.objects.flatMap { node, object in
        (object.objects("connections") ?? []).filter { $0.text.hasPrefix(#"{""#) }.map { (node: node, row: $0.text) }
      }
      writer.append(list: rows) { row, writer in
        writer.append(literal: #"{"node":"#)
        writer.append(quoting: row.node)
        writer.append(byte: UInt8(ascii: ","))
        // An object of another node, of which the opening brace is left out.
        writer.append(utf8: String(row.row.dropFirst()))
      }
      writer.append(partial: replies.partial)
      writer.append(byte: UInt8(ascii: "}"))
      return String(decoding: writer.bytes, as: UTF8.self)
    }
  }

  // MARK: Ending

  private var disconnectUser: Route {
    Route(
      method: .delete, path: "/api/users/{user}/connections",
      summary: "Close all connections of a user with code 4003, on all nodes.", query: [Self.reason],
      answer: [Self.disconnected, Self.partial]
    ) { (request) async throws(RouteError) in
      try await disconnect(.user(try request.user()), request)
    }
  }

  private var disconnectClient: Route {
    Route(
      method: .delete, path: "/api/connections/{client}", summary: "Close one connection with code 4003.",
      query: [Self.reason], answer: [Self.disconnected, Self.partial]
    ) { (request) async throws(RouteError) in
      guard let client = request.path["client"].flatMap(ClientID.init(checking:)) else {
        throw RouteError(.badRequest, "The id of a connection is 1 to 64 letters, digits, -, _ and .")
      }
      return try await disconnect(.client(client), request)
    }
  }

  private func disconnect(_ owner: ConnectionOwner, _ request: RouteRequest) async throws(RouteError) -> String {
    let reason = request.query["reason"] ?? "disconnected by the server"
    let isPrintable = reason.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    guard isPrintable else {
      throw RouteError(.badRequest, "The query member reason must have no control characters.")
    }
    let replies = try await cluster.ask(nodes: .disconnect(owner, reason: reason))
    return Self.text(["disconnected"], replies)
  }

  // MARK: Channels

  private var put: Route {
    Route(
      method: .put, path: "/api/users/{user}/channels/{channel}",
      summary: "Put the open connections of a user into a channel, whatever their rights.",
      body: .object([
        .init("presence", .boolean, optional: true, "Whether they become members."),
        .init("info", .anything, optional: true, "What presence shows of them."),
      ]), isBodyOptional: true,
      answer: [
        .init("connections", .integer(0...Int(1) << 53), "Those that are put there."),
        .init("skipped", .integer(0...Int(1) << 53), "Those that are in too many channels already."), Self.partial,
      ], errors: [.invalidChannel, .tooLarge]
    ) { (request) async throws(RouteError) in
      let (user, channel) = (try request.user(), try request.channel())
      let rule = try cluster.rule(for: channel)
      let isMember = request.body?.isTrue("presence") ?? false
      guard !isMember || rule.hasPresence else {
        throw RouteError(.forbidden, "There is no presence in \(channel).")
      }
      let info = request.body?.json("info")
      guard info?.utf8.count ?? 0 <= MemberConnection.maxInfoLength else {
        throw RouteError(.tooLarge, "The member info must not be longer than \(MemberConnection.maxInfoLength) bytes.")
      }
      // Where the channel cannot be reached nobody can be put there, and the nodes are not asked: each would say so late.
      _ = try await cluster.ask(.counts([channel]))
      let replies = try await cluster.ask(nodes: .put(user, channel, isMember: isMember, info: info))
      return Self.text(["connections", "skipped"], replies)
    }
  }

  private var take: Route {
    Route(
      method: .delete, path: "/api/users/{user}/channels/{channel}",
      summary: "Take the connections of a user out of a channel.",
      answer: [
        .init("connections", .integer(0...Int(1) << 53), "Those that were in it."), Self.partial,
      ], errors: [.invalidChannel]
    ) { (request) async throws(RouteError) in
      let (user, channel) = (try request.user(), try request.channel())
      _ = try cluster.rule(for: channel)
      return Self.text(["connections"], try await cluster.ask(nodes: .take(user, channel)))
    }
  }

  /// The sums of what the nodes have done.
  private static func text(_ names: [String], _ replies: NodeReplies) -> String {
    var writer = ByteWriter(capacity: 128)
    writer.append(byte: UInt8(ascii: "{"))
    writer.append(names) { name, writer in
      writer.append(quoting: name)
      writer.append(byte: UInt8(ascii: ":"))
      writer.append(replies.sum(name))
    }
    writer.append(partial: replies.partial)
    writer.append(byte: UInt8(ascii: "}"))
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
