import Cluster
import HTTPTypes
import Hummingbird
import HummingbirdCore
import JSON
import Model
import NIOCore
import Protocol
import Server
import WebSocket

/// Answers polls: what has come since the client was told something, at once where there is anything, else when there is,
/// or when the time is over.
struct Polls: Sendable {
  static let path = "/poll"
  /// Seconds that a poll may wait, and does where nothing is said.
  private static let maxWait = 25
  private static let defaultWait = 20
  private static let maxEvents = 1000
  private static let defaultEvents = 100

  let visitors: Visitors
  let judge: ChannelJudge
  let maxChannels: Int
  let cluster: ClusterAccess
  let server: @Sendable () -> WebSocketServer?

  /// What is asked besides the channels.
  private struct Options {
    /// Whether the client tells no position anywhere: then it wants to know where it stands, at once.
    var isFirst: Bool
    var wait: Int
    var limit: Int
    let author: ClientID?
    let isGet: Bool
  }

  /// What there is of the channels' histories.
  private struct Read {
    private(set) var events: [[UInt8]] = []
    private(set) var bytes = 0
    var channels: [StreamOpening.Channel] = []

    mutating func append(_ event: [UInt8]) {
      events.append(event)
      bytes += event.count
    }
  }

  /// Histories that are read at the same time for one poll.
  private static let readsAtOnce = 8

  func response(
    to request: Request, _ kind: Streams.Kind, _ channel: any Channel
  ) async throws(RouteError) -> Response {
    let query = try QueryMembers(request.uri.query)
    let identity = try await visitors.identity(of: request, query)
    let (asked, body) = try asked(kind, query)
    let channels = try judge.judged(asked.channels, identity)
    let isUnknown = channels.contains { $0.since == nil && keepsHistory($0) }
    let options = Options(
      isFirst: kind.isGet ? !asked.hasPositions : isUnknown,
      wait: try number("wait", body, query, 0...Self.maxWait, Self.defaultWait),
      limit: try number("limit", body, query, 1...Self.maxEvents, Self.defaultEvents),
      author: asked.session.map { StreamRequest.author(session: $0, user: identity?.user) }, isGet: kind.isGet)
    guard let server = server() else { throw RouteError(.unavailable, "The node is not ready yet; nothing was read.") }
    // A poll of many channels costs as much as several commands.
    let cost = 1 + channels.count / Self.readsAtOnce
    if let refusal = server.takeRate(of: identity, visitors.address(request, channel), commands: cost) {
      var error = RouteError(refusal)
      error.headers[.retryAfter] = String(max(1, (refusal.retryAfter ?? 1000) / 1000))
      throw error
    }
    let read = try await read(channels, options)
    guard read.events.isEmpty, !options.isFirst, options.wait > 0 else {
      return await answer(read.events, StreamPositions(read.channels), options, server)
    }
    let opening = PollOpening(
      read.channels, identity: identity, author: options.author, wait: Int64(options.wait) * 1000,
      limit: options.limit)
    channel.closeFuture.whenComplete { _ in opening.cancellation.cancel() }
    guard let heard = await server.run(opening) else {
      throw RouteError(.unavailable, "The node cannot take any more now, or is shutting down; nothing was read.")
    }
    return await answer(heard.events, heard.positions, options, server)
  }

  private func asked(
    _ kind: Streams.Kind, _ query: QueryMembers
  ) throws(RouteError) -> (StreamRequest, body: JSONObject?) {
    switch kind {
    case .get(let request): (try StreamRequest(request, query), nil)
    case .post(let text): (try StreamRequest(json: text, minChannels: 1, maxChannels: maxChannels), JSONObject(text))
    }
  }

  /// A number of the body where there is one, else of the query.
  private func number(
    _ name: String, _ body: JSONObject?, _ query: QueryMembers, _ range: ClosedRange<Int>, _ standard: Int
  ) throws(RouteError) -> Int {
    let given = body == nil ? try query.first(name) : body?.json(name)
    guard let given else { return standard }
    guard let number = Int(given), range.contains(number) else {
      throw RouteError(
        .badRequest, "\(name) must be a whole number of \(range.lowerBound) to \(range.upperBound).")
    }
    return number
  }

  private func keepsHistory(_ channel: StreamOpening.Channel) -> Bool {
    channel.tellsPosition && judge.rule(for: channel.name)?.history != nil
  }

  // MARK: Reading

  /// What the histories have since then, as much as there is room for, and where the client stands with that.
  private func read(_ channels: [StreamOpening.Channel], _ options: Options) async throws(RouteError) -> Read {
    var read = Read()
    var positions: [ChannelName: StreamPosition] = [:]
    // A few at a time, as long as there is room: who asks for many channels must not have the node hold all of them.
    let kept = channels.filter(keepsHistory)
    for start in stride(from: 0, to: kept.count, by: Self.readsAtOnce) {
      let few = Array(kept[start..<min(start + Self.readsAtOnce, kept.count)])
      let isFull = read.events.count >= options.limit || read.bytes >= HistoryRead.maxBytes
      // One message tells where the client stands, and is told next time.
      let histories = try await self.read(few, isFull ? 1 : options.limit)
      for (channel, history) in zip(few, histories) {
        positions[channel.name] = add(history, channel, options, to: &read)
      }
    }
    for channel in channels {
      var told = channel
      told.since = positions[channel.name].map { .position($0) }
      read.channels.append(told)
    }
    return read
  }

  private func read(_ channels: [StreamOpening.Channel], _ limit: Int) async throws(RouteError) -> [HistoryRead] {
    let answers = await cluster.ask(
      channels.map { .history($0.name, $0.since.map { .after($0, limit: limit) } ?? .position) })
    var histories: [HistoryRead] = []
    for (channel, answer) in zip(channels, answers) {
      switch answer {
      case .success(.history(_, let read)): histories.append(read)
      case .failure(let refusal): throw RouteError(refusal, channel: channel.name.string)
      case .success: throw ClusterAccess.unexpected
      }
    }
    return histories
  }

  /// Tells what a history holds since the client's position; returns where it stands then.
  private func add(
    _ history: HistoryRead, _ channel: StreamOpening.Channel, _ options: Options, to read: inout Read
  ) -> StreamPosition {
    guard channel.since != nil else { return history.latest }
    guard history.isComplete else {
      let stream = SubscribedStream(position: history.latest, isRecovered: false)
      read.append(Array(ApusCodec.json(of: .subscribed(id: nil, channel.name, stream, nil)).utf8))
      return history.latest
    }
    var position = history.latest
    for entry in history.entries {
      guard read.events.count < options.limit, read.bytes < HistoryRead.maxBytes else {
        position.offset = entry.offset - 1
        return position
      }
      position.offset = entry.offset
      guard entry.excluded == nil || entry.excluded != options.author else { continue }
      let frame = Encoding(framing: .text).frame(of: entry.event(under: position.epoch))
      read.append(frame.withPayload { Array($0) })
    }
    return position
  }

  // MARK: The answer

  private func answer(
    _ events: [[UInt8]], _ positions: StreamPositions, _ options: Options, _ server: WebSocketServer
  ) async -> Response {
    var writer = ByteWriter(capacity: events.reduce(256) { $0 + $1.count })
    writer.append(literal: #"{"node":"#)
    writer.append(quoting: await server.nodeID()?.string ?? "")
    writer.append(member: "author", options.author?.string)
    writer.append(key: "events")
    writer.append(list: events) { event, writer in event.withUnsafeBytes { writer.append($0) } }
    if options.isGet {
      writer.append(member: "cursor", positions.text)
    } else {
      writer.append(key: "channels")
      writer.append(list: positions.all) { each, writer in
        writer.append(literal: #"{"channel":"#)
        writer.append(quoting: each.channel.string)
        writer.append(member: "epoch", each.position?.epoch)
        writer.append(member: "offset", each.position?.offset)
        writer.append(byte: UInt8(ascii: "}"))
      }
    }
    writer.append(byte: UInt8(ascii: "}"))
    return .json(.ok, String(decoding: writer.bytes, as: UTF8.self))
  }
}
