import Model
import Redis

/// Reads what the scripts `publish` and `read` answer; nil where it is not what they give, as when another program has
/// written into the channel's keys.
enum HistoryReply {
  /// What became of a message.
  static func receipt(_ reply: RedisReplyView) -> PublishReceipt? {
    guard reply.count == 4, let epoch = text(reply[0]), let offset = integer(reply[1]), let isDuplicate = flag(reply[2])
    else { return nil }
    if epoch == "-" { return offset == 0 ? PublishReceipt(isDuplicate: isDuplicate) : nil }
    guard offset >= 1 else { return nil }
    return PublishReceipt(position: StreamPosition(epoch: epoch, offset: offset), isDuplicate: isDuplicate)
  }

  /// What a history holds of what was asked. Messages that may not go to clients are left out, and it is not complete then.
  static func read(_ reply: RedisReplyView, of channel: ChannelName, _ check: EventCheck) -> HistoryRead? {
    guard reply.count == 4, let epoch = text(reply[0]), let latest = integer(reply[1]), latest >= 0,
      let isComplete = flag(reply[2]), let entries = reply[3].flatMap({ entries($0, of: channel, check) }),
      entries.lastOffset <= latest
    else { return nil }
    return HistoryRead(
      latest: StreamPosition(epoch: epoch, offset: latest), entries: entries.fit,
      isComplete: isComplete && entries.unfitCount == 0)
  }

  /// Entries of a stream, ascending.
  struct Entries {
    /// Those that may go to clients.
    fileprivate(set) var fit: [HistoryEntry] = []
    fileprivate(set) var unfitCount = 0
    fileprivate(set) var lastOffset = 0

    /// Whether they begin at that offset and all may go to clients.
    func isWhole(from offset: Int) -> Bool { unfitCount == 0 && fit.first?.offset == offset }
  }

  /// Entries as XRANGE gives them.
  static func entries(_ rows: RedisReplyView, of channel: ChannelName, _ check: EventCheck) -> Entries? {
    guard rows.kind == .array else { return nil }
    var entries = Entries()
    entries.fit.reserveCapacity(rows.count)
    for row in rows.children {
      guard let (offset, entry) = entry(row, of: channel, check), offset > entries.lastOffset else { return nil }
      entries.lastOffset = offset
      if let entry { entries.fit.append(entry) } else { entries.unfitCount += 1 }
    }
    return entries
  }

  /// An entry of the stream: its id `<offset>-0` and its fields, of which unknown ones are ignored. The entry is nil where it
  /// may not go to clients.
  private static func entry(
    _ row: RedisReplyView, of channel: ChannelName, _ check: EventCheck
  ) -> (offset: Int, HistoryEntry?)? {
    guard row.count == 2, let id = text(row[0]), id.hasSuffix("-0"), let offset = Int(id.dropLast(2)),
      let fields = row[1]
    else { return nil }
    var event: UnsafeRawBufferPointer?
    var time: Int64?
    var excluded: ClientID?
    var kind: String?
    for (field, value) in fields.pairs {
      switch field.string {
      case "m": event = value.bytes
      case "t": time = Int64(value.string)
      case "x": excluded = ClientID(value.string)
      case "k": kind = value.string
      default: break
      }
    }
    guard let event, !event.isEmpty, let time else { return nil }
    let isBinary = kind == "b"
    let isFit =
      isBinary ? check.accepts(binary: event, of: channel, offset: offset) : kind == nil && check.accepts(event)
    guard isFit else { return (offset, nil) }
    let text = EventText(event)
    return (offset, HistoryEntry(offset: offset, time: time, text: text, isBinary: isBinary, excluded: excluded))
  }

  private static func text(_ value: RedisReplyView?) -> String? {
    guard let value, value.kind == .string, !value.bytes.isEmpty else { return nil }
    return value.string
  }

  private static func integer(_ value: RedisReplyView?) -> Int? {
    value?.kind == .integer ? value?.integer : nil
  }

  private static func flag(_ value: RedisReplyView?) -> Bool? {
    switch integer(value) {
    case 0: false
    case 1: true
    default: nil
    }
  }
}
