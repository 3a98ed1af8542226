import Model

/// What a node that stands alone keeps of messages: histories by channel, and what was published under which key.
///
/// All times are milliseconds since 1970.
struct MemoryStore {
  /// How often what is over is thrown away.
  private static let sweepInterval: Int64 = 1000
  /// How long a history is known of that holds nothing and that nobody asks for. Then it begins anew, under another epoch.
  private static let patience: Int64 = 3_600_000

  private var histories: [ChannelName: MemoryHistory] = [:]
  private var keys = IdempotencyTable()
  private var random = SystemRandomNumberGenerator()
  private var sweepAt: Int64 = 0

  /// Gives a message its place where it is kept; `frame` is what goes out, nil where it had gone out before.
  mutating func publish(_ publication: Publication, now: Int64) -> (frame: Frame?, receipt: PublishReceipt) {
    let channel = publication.channel
    if let key = publication.key, let receipt = keys.receipt(of: key, in: channel, now: now) { return (nil, receipt) }
    var receipt = PublishReceipt()
    let frame: Frame
    if let rule = publication.history {
      // Taken out meanwhile, so that what it holds is not copied.
      var history = histories.removeValue(forKey: channel) ?? MemoryHistory(top: .beginning(using: &random), now: now)
      frame = history.append(publication, keeping: rule, now: now).frame
      receipt.position = history.top
      histories[channel] = history
    } else {
      frame = publication.frame(offset: nil, time: now)
    }
    if let key = publication.key { keys.store(receipt.position, under: key, in: channel, now: now) }
    return (frame, receipt)
  }

  mutating func read(_ channel: ChannelName, _ query: HistoryQuery, now: Int64) -> HistoryRead {
    var history = histories.removeValue(forKey: channel) ?? MemoryHistory(top: .beginning(using: &random), now: now)
    defer { histories[channel] = history }
    return history.read(query, now: now)
  }

  mutating func sweepIfDue(now: Int64) {
    guard now >= sweepAt else { return }
    sweepAt = now + Self.sweepInterval
    keys.expire(now: now)
    for channel in histories.keys { histories[channel]?.expire(now: now) }
    histories = histories.filter { $0.value.count > 0 || now - $0.value.touched < Self.patience }
  }
}
