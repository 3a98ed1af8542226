import Cluster
import Model
import Redis

/// What the control plane asks of channels: the members of many at once, connections page by page, and how much is kept.
///
/// A page is a part of what one HSCAN brings, so that none is longer than it was asked for: Redis gives a small hash whole,
/// whatever was asked. The cursor is that of HSCAN with the number of entries behind it that went before, `17.200`.
final class ChannelReader {
  private static let unreadable = Refusal(.unavailable, "Redis cannot be reached; nothing was read.")
  private static let invalidCursor = Refusal(.badRequest, "The cursor is none that an answer has told.")

  /// Of a few, HSCAN may find none.
  private static let leastScan = 100

  private unowned let context: KeyspaceContext

  init(_ context: KeyspaceContext) {
    self.context = context
  }

  // MARK: Counts

  /// Counts the members of each channel, all in one round trip.
  func counts(of channels: [ChannelName], then answer: @escaping (Result<[Int], Refusal>) -> Void) {
    guard context.isReady else { return answer(.failure(Self.unreadable)) }
    var counts: [Int] = []
    var failure: Refusal?
    for channel in channels {
      let call = PresenceScripts(keys: context.keys).roster(channel, onlyCount: true, maxBytes: 0)
      let sent = context.links.run(call) { [unowned self] outcome in
        if case .reply(let reply) = outcome {
          if let error = reply.error {
            // A channel whose keys are no presence has nobody in it.
            if !error.isOfForeignData { failure = Self.unreadable }
            context.handle(serverError: error)
          }
          counts.append(reply[0]?.integer ?? 0)
        } else {
          counts.append(0)
          failure = Self.unreadable
        }
        guard counts.count == channels.count else { return }
        answer(failure.map { .failure($0) } ?? .success(counts))
      }
      guard sent else {
        failure = Self.unreadable
        // Those that were sent are answered, but nobody can count them all any more.
        return answer(.failure(Self.unreadable))
      }
    }
    if channels.isEmpty { answer(.success([])) }
  }

  /// Counts the messages that are kept.
  func kept(in channel: ChannelName, _ caller: Caller) {
    let answer = { [unowned self] (result: Result<Int, Refusal>) in
      context.outlet.answer(result.map { .counts([$0]) }, to: caller)
    }
    guard context.isReady else { return answer(.failure(Self.unreadable)) }
    let isAsked = context.links.send(RedisCommand("XLEN", context.keys.history(channel))) { [unowned self] in
      answer(result(of: $0, \.integer))
    }
    if !isAsked { answer(.failure(Self.unreadable)) }
  }

  // MARK: Pages

  func page(of channel: ChannelName, cursor: String?, limit: Int, _ caller: Caller) {
    let answer = { [unowned self] (result: Result<PresencePage, Refusal>) in
      context.outlet.answer(result.map { .connections($0) }, to: caller)
    }
    guard let cursor = Cursor(cursor ?? "0") else { return answer(.failure(Self.invalidCursor)) }
    guard context.isReady else { return answer(.failure(Self.unreadable)) }
    var page: Result<PresencePage, Refusal> = .failure(Self.unreadable)
    let scan = RedisCommand(
      "HSCAN", context.keys.presence(channel), String(cursor.scan), "COUNT", String(max(limit, Self.leastScan)))
    let isAsked = context.links.send(scan) { [unowned self] in
      page = result(of: $0) { Self.page(of: $0, from: cursor, limit: limit) }
    }
    let count = PresenceScripts(keys: context.keys).roster(channel, onlyCount: true, maxBytes: 0)
    let isCounted =
      isAsked
      && context.links.run(count) { [unowned self] outcome in
        let count = result(of: outcome) { $0[0]?.integer ?? 0 }
        answer(
          page.flatMap { page in count.map { PresencePage(entries: page.entries, count: $0, cursor: page.cursor) } })
      }
    if !isCounted { answer(.failure(Self.unreadable)) }
  }

  private func result<Value>(
    of outcome: RedisLink.Outcome, _ read: (RedisReplyView) -> Value
  ) -> Result<Value, Refusal> {
    guard case .reply(let reply) = outcome else { return .failure(Self.unreadable) }
    guard let error = reply.error else { return .success(read(reply)) }
    context.handle(serverError: error)
    return .failure(error.isOfForeignData ? ChannelStreams.foreign : Self.unreadable)
  }

  /// Entries that are none are left out: other programs may have written them.
  private static func page(of reply: RedisReplyView, from cursor: Cursor, limit: Int) -> PresencePage {
    let pairs = Array((reply[1]?.pairs ?? []).dropFirst(cursor.skip))
    let entries = pairs.prefix(limit).compactMap { field, value -> PresencePage.Entry? in
      guard let entry = PresenceEntry(parsing: value.bytes) else { return nil }
      let connection = MemberConnection(client: ClientID(field.string), user: entry.user, info: entry.info)
      return PresencePage.Entry(connection, node: entry.node, since: Int64(entry.since))
    }
    let next =
      pairs.count > limit
      ? Cursor(scan: cursor.scan, skip: cursor.skip + limit)
      : Cursor(scan: UInt64(reply[0]?.string ?? "0") ?? 0, skip: 0)
    return PresencePage(entries: entries, count: 0, cursor: next.isEnd ? nil : next.text)
  }

  private struct Cursor {
    let scan: UInt64
    /// Entries behind the cursor that were told before.
    let skip: Int

    init(scan: UInt64, skip: Int) {
      self.scan = scan
      self.skip = skip
    }

    init?(_ text: String) {
      let parts = text.split(separator: ".", omittingEmptySubsequences: false)
      guard parts.count <= 2, let scan = UInt64(parts[0]), let skip = parts.count == 2 ? Int(parts[1]) : 0, skip >= 0
      else { return nil }
      self.init(scan: scan, skip: skip)
    }

    var isEnd: Bool { scan == 0 && skip == 0 }
    var text: String { skip == 0 ? String(scan) : "\(scan).\(skip)" }
  }
}

@available(*, unavailable)
extension ChannelReader: Sendable {}
