import HTTPTypes
import Cluster
import JSON
import Model
import Protocol

/// What was published to a channel.
struct HistoryRoutes: Sendable {
  /// The most messages of one answer; of long ones fewer come.
  static let maxMessages = 1000

  let cluster: ClusterAccess

  var all: [Route] { [read, delete] }

  private var read: Route {
    Route(
      method: .get, path: "/api/channels/{channel}/history", summary: "Read what was published to a channel.",
      query: [
        .init("limit", .integer(1...Self.maxMessages), "At most so many messages; 100 without."),
        .init(
          "since", .string(pattern: "^(?:[0-9]{1,18}|[^:]+:[0-9]{1,18})$"),
          "Those after a position, `<epoch>:<offset>`, or after a moment in milliseconds since 1970; "
            + "the newest without."),
      ],
      answer: [
        .init("type", .string(values: ["history"]), "As the reply to the command `history`."),
        .init("channel", .string(), "Its name."), .init("epoch", .string(), "Of the history."),
        .init("offset", .integer(0...Int(1) << 53), "Of the newest message."),
        .init("reset", .boolean, optional: true, "True where `since` is of an epoch that is over."),
        .init("messages", .array(.anything), "Oldest first."),
      ], errors: [.invalidChannel]
    ) { (request) async throws(RouteError) in
      let channel = try keptChannel(of: request)
      let limit = request.number("limit", default: 100)
      let query = try request.since().map { HistoryQuery.after($0, limit: limit) } ?? .newest(limit)
      guard case .history(_, let read) = try await cluster.ask(.history(channel, query)) else {
        throw ClusterAccess.unexpected
      }
      return ApusCodec.json(of: .history(id: nil, channel, read))
    }
  }

  private var delete: Route {
    Route(
      method: .delete, path: "/api/channels/{channel}/history",
      summary: "Throw away what a channel keeps; who listens is told by a `gap`.",
      answer: [
        .init("channel", .string(), "Its name."), .init("epoch", .string(), "The new one, under which it goes on."),
        .init("offset", .integer(0...0), "No message has been published under it."),
      ], errors: [.invalidChannel]
    ) { (request) async throws(RouteError) in
      let channel = try keptChannel(of: request)
      guard case .cleared(let position) = try await cluster.ask(.clear(channel)) else {
        throw ClusterAccess.unexpected
      }
      var writer = ByteWriter(capacity: 128)
      writer.append(literal: #"{"channel":"#)
      writer.append(quoting: channel.string)
      writer.append(member: "epoch", position.epoch)
      writer.append(member: "offset", position.offset)
      writer.append(byte: UInt8(ascii: "}"))
      return String(decoding: writer.bytes, as: UTF8.self)
    }
  }

  /// The channel in the path, if it keeps a history.
  private func keptChannel(of request: RouteRequest) throws(RouteError) -> ChannelName {
    let channel = try request.channel()
    guard try cluster.rule(for: channel).history != nil else {
      throw RouteError(.forbidden, "The channel \(channel) keeps no history.")
    }
    return channel
  }
}

extension RouteRequest {
  /// From where on, as the query says it.
  fileprivate func since() throws(RouteError) -> Since? {
    guard let text = query["since"] else { return nil }
    if let time = Int64(text), time >= 0 { return .time(time) }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, let offset = Int(parts[1]), offset >= 0 else {
      throw RouteError(.badRequest, "The query member since must be <epoch>:<offset> or milliseconds since 1970.")
    }
    return .position(StreamPosition(epoch: String(parts[0]), offset: offset))
  }
}
