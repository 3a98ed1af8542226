import Cluster
import HTTPTypes
import Hub
import JSON
import Model

/// Which channels there are, and how one stands.
struct ChannelRoutes: Sendable {
  /// The most channels of one answer.
  static let maxChannels = 1000

  let cluster: ClusterAccess

  var all: [Route] { [list, one] }

  private static let size: [Schema.Member] = [
    .init("name", .string(), "Its name."),
    .init("subscribers", .integer(0...Int(1) << 53), "Connections that listen to it, on all nodes."),
  ]
  private static let members = "Users and anonymous connections in its presence"

  // MARK: All

  private static let listed =
    size + [
      .init("members", .integer(0...Int(1) << 53), optional: true, "\(members); left out while its Redis is away.")
    ]

  private var list: Route {
    Route(
      method: .get, path: "/api/channels", summary: "List the channels that have subscribers.",
      query: [
        .init(
          "match", .string(minBytes: 1, maxBytes: 200),
          "A pattern: `*` stands for any characters; all channels without."),
        .init("limit", .integer(1...Self.maxChannels), "At most so many; 100 without."),
        .init("sort", .string(values: ["name", "subscribers"]), "By name without; by subscribers, the largest first."),
        .init("after", .string(maxBytes: ChannelName.maxLength), "By name: those after this one, to page."),
      ],
      answer: [
        .init("channels", .array(.object(Self.listed), maxCount: Self.maxChannels), "In that order."),
        .init("after", .string(), optional: true, "By name, where there are more: what to ask for next."),
        .init("partial", .array(.string()), optional: true, "Nodes, and Redis, that have not told all they know."),
      ]
    ) { (request) async throws(RouteError) in
      let limit = request.number("limit", default: 100)
      let match = request.query["match"]
      switch request.query["sort"] {
      case "name", nil: return try await byName(match, after: request.query["after"], limit: limit)
      default:
        guard request.query["after"] == nil else {
          throw RouteError(.badRequest, "Only a list by name has a next page: leave out after, or sort.")
        }
        return try await bySubscribers(match, limit: limit)
      }
    }
  }

  private func byName(_ match: String?, after: String?, limit: Int) async throws(RouteError) -> String {
    var replies = try await cluster.ask(nodes: .channels(match: match, after: after, limit: limit))
    let page = ChannelPage.merged(replies.pages(), limit: limit)
    return try await text(
      page.sizes, after: page.hasMore ? page.sizes.last?.name.string : nil, partial: replies.partial)
  }

  /// Each node names its largest, more than are asked for; of those each is asked for the exact counts. A channel that is
  /// large only as the sum of many small parts may be missing.
  private func bySubscribers(_ match: String?, limit: Int) async throws(RouteError) -> String {
    var named = try await cluster.ask(nodes: .largestChannels(match: match, limit: 2 * limit + 100))
    let candidates = ChannelPage.candidates(named.pages())
    guard !candidates.isEmpty else { return try await text([], after: nil, partial: named.partial) }
    var exact = try await cluster.ask(nodes: .subscribers(candidates))
    let sizes = ChannelPage.sum(exact.pages().flatMap(\.sizes))
    return try await text(
      ChannelPage.sorted(sizes, limit: limit), after: nil,
      partial: Set(named.missing + exact.partial).sorted())
  }

  private func text(_ sizes: [ChannelSize], after: String?, partial: [String]) async throws(RouteError) -> String {
    guard case .counts(let members) = try await cluster.ask(.counts(sizes.map(\.name))) else {
      throw ClusterAccess.unexpected
    }
    var writer = ByteWriter(capacity: 64 + sizes.count * 64)
    writer.append(literal: #"{"channels":"#)
    writer.append(list: Array(zip(sizes, members))) { row, writer in
      Self.append(row.0.name, subscribers: row.0.subscribers, members: row.1, to: &writer)
      writer.append(byte: UInt8(ascii: "}"))
    }
    writer.append(member: "after", after)
    writer.append(partial: partial)
    writer.append(byte: UInt8(ascii: "}"))
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// A channel but for its closing brace.
  private static func append(_ name: ChannelName, subscribers: Int, members: Int?, to writer: inout ByteWriter) {
    writer.append(literal: #"{"name":"#)
    writer.append(quoting: name.string)
    writer.append(member: "subscribers", subscribers)
    writer.append(member: "members", members)
  }

  // MARK: One

  private var one: Route {
    Route(
      method: .get, path: "/api/channels/{channel}", summary: "Tell how a channel stands.",
      answer: Self.size + [
        .init("members", .integer(0...Int(1) << 53), "\(Self.members)."),
        .init("rule", .object(Self.rule), "What the rules say of it."),
        .init("history", .object(Self.history), optional: true, "Where it keeps one."),
        .init(
          "partial", .array(.string()), optional: true, "Nodes, and Redis, that have not told how many listen there."),
      ], errors: [.invalidChannel]
    ) { (request) async throws(RouteError) in
      let channel = try request.channel()
      let rule = try cluster.rule(for: channel)
      var replies = try await cluster.ask(nodes: .subscribers([channel.string]))
      let sizes = ChannelPage.sum(replies.pages().flatMap(\.sizes))
      guard case .counts(let members) = try await cluster.ask(.counts([channel])),
        let members = members.first.flatMap(\.self)
      else {
        throw ClusterAccess.unexpected
      }
      var writer = ByteWriter(capacity: 512)
      Self.append(channel, subscribers: sizes.first?.subscribers ?? 0, members: members, to: &writer)
      writer.append(key: "rule")
      Self.append(rule, to: &writer)
      if rule.history != nil {
        guard case .history(_, let read) = try await cluster.ask(.history(channel, .position)),
          case .counts(let kept) = try await cluster.ask(.kept(channel)), let kept = kept.first.flatMap(\.self)
        else { throw ClusterAccess.unexpected }
        writer.append(literal: #","history":{"epoch":"#)
        writer.append(quoting: read.latest.epoch)
        writer.append(member: "offset", read.latest.offset)
        writer.append(member: "kept", kept)
        writer.append(byte: UInt8(ascii: "}"))
      }
      writer.append(partial: replies.partial)
      writer.append(byte: UInt8(ascii: "}"))
      return String(decoding: writer.bytes, as: UTF8.self)
    }
  }

  private static let history: [Schema.Member] = [
    .init("epoch", .string(), "Of the history."),
    .init("offset", .integer(0...Int(1) << 53), "Of the newest message; 0 before the first."),
    .init("kept", .integer(0...Int(1) << 53), "Messages that can be read."),
  ]

  private static let rule: [Schema.Member] = [
    .init("match", .string(), "The pattern of the rule."),
    .init("publish", .string(values: PublishLevel.allCases.map(\.rawValue)), "Who may publish."),
    .init("subscribe", .string(values: SubscribeLevel.allCases.map(\.rawValue)), "Who may subscribe."),
    .init("signal", .string(values: PublishLevel.allCases.map(\.rawValue)), "Who may signal."),
    .init("presence", .boolean, "Whether there is presence."),
    .init("last", .boolean, "Whether who subscribes gets the newest message."),
    .init(
      "overflow", .string(values: OverflowPolicy.allCases.map(\.rawValue)),
      "What becomes of messages for a slow client."),
    .init(
      "history",
      .object([
        .init("size", .integer(1...Int(1) << 53), "Messages kept."),
        .init("ttl", .integer(1...Int(1) << 53), "Milliseconds after the newest message for which they are."),
      ]), optional: true, "Where it keeps one."),
  ]

  private static func append(_ rule: ChannelRule, to writer: inout ByteWriter) {
    writer.append(literal: #"{"match":"#)
    writer.append(quoting: rule.match.text)
    writer.append(member: "publish", rule.publish.rawValue)
    writer.append(member: "subscribe", rule.subscribe.rawValue)
    writer.append(member: "signal", rule.signal.rawValue)
    writer.append(literal: rule.hasPresence ? #","presence":true"# : #","presence":false"#)
    writer.append(literal: rule.sendsLast ? #","last":true"# : #","last":false"#)
    writer.append(member: "overflow", rule.overflow.rawValue)
    if let history = rule.history {
      writer.append(literal: #","history":{"size":"#)
      writer.append(history.size)
      writer.append(member: "ttl", Int(history.timeToLive))
      writer.append(byte: UInt8(ascii: "}"))
    }
    writer.append(byte: UInt8(ascii: "}"))
  }
}
