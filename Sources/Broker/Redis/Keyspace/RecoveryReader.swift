import Model
import Redis

/// Reads the rest of a recovery, of which the script `read` has brought the first messages: by XRANGE, which costs Redis a
/// tenth of what a script does.
final class RecoveryReader {
  private unowned let context: KeyspaceContext

  init(_ context: KeyspaceContext) {
    self.context = context
  }

  /// Reads on behind the messages of a recovery up to `read.latest`. A history that was trimmed, or begun anew, in
  /// between brings nothing at all.
  func readRest(
    of channel: ChannelName, behind read: HistoryRead, then end: @escaping (Result<HistoryRead, Refusal>) -> Void
  ) {
    guard read.isComplete else { return end(.success(HistoryRead(latest: read.latest))) }
    guard let last = read.entries.last, last.offset < read.latest.offset else {
      return end(.success(read))
    }
    // How large the next ones are nobody knows; mostly not larger than those before.
    let largest = read.entries.reduce(1) { max($0, $1.text.count) }
    let count = min(read.latest.offset - last.offset, max(1, HistoryRead.maxBytes / largest))
    let range = RedisCommand(
      "XRANGE", context.keys.history(channel), "\(last.offset + 1)-0", "\(read.latest.offset)-0", "COUNT", String(count)
    )
    var page: Result<HistoryReply.Entries, Refusal> = .failure(ChannelStreams.unreadable)
    let sent = context.links.send(range) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return }
      if let error = reply.error { return context.handle(serverError: error) }
      page =
        HistoryReply.entries(reply, of: channel, context.eventCheck).map { .success($0) }
        ?? .failure(ChannelStreams.foreign)
    }
    // Asked after it: what was read is of this epoch if it still is one.
    let epoch = RedisCommand("HGET", context.keys.meta(channel), "epoch")
    let sentBoth =
      sent
      && context.links.send(epoch) { [unowned self] outcome in
        guard case .reply(let reply) = outcome else { return end(.failure(ChannelStreams.unreadable)) }
        // Not another epoch: nothing is known of it.
        if let error = reply.error {
          context.handle(serverError: error)
          return end(.failure(ChannelStreams.unreadable))
        }
        switch page {
        case .failure(let refusal): end(.failure(refusal))
        case .success(let page) where reply.string == read.latest.epoch && page.isWhole(from: last.offset + 1):
          let longer = HistoryRead(latest: read.latest, entries: read.entries + page.fit, isComplete: true)
          readRest(of: channel, behind: longer, then: end)
        case .success: end(.success(HistoryRead(latest: read.latest)))
        }
      }
    if !sentBoth { end(.failure(ChannelStreams.unreadable)) }
  }
}

@available(*, unavailable)
extension RecoveryReader: Sendable {}
