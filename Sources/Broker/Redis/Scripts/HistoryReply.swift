import Model
import Protocol
import Redis
import WebSocket

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

  /// What a history holds of what was asked.
  static func read(_ reply: RedisReplyView) -> HistoryRead? {
    guard reply.count == 4, let epoch = text(reply[0]), let top = integer(reply[1]), top >= 0,
      let isComplete = flag(reply[2]), let entries = reply[3].flatMap(entries), entries.last?.offset ?? 0 <= top
    else { return nil }
    return HistoryRead(top: StreamPosition(epoch: epoch, offset: top), entries: entries, isComplete: isComplete)
  }

  /// Entries as XRANGE gives them, ascending.
  static func entries(_ rows: RedisReplyView) -> [HistoryEntry]? {
    guard rows.kind == .array else { return nil }
    var entries: [HistoryEntry] = []
    entries.reserveCapacity(rows.count)
    for row in rows.children {
      guard let entry = entry(row), entry.offset > entries.last?.offset ?? 0 else { return nil }
      entries.append(entry)
    }
    return entries
  }

  /// An entry of the stream: its id `<offset>-0` and its fields, of which unknown ones are ignored.
  private static func entry(_ row: RedisReplyView) -> HistoryEntry? {
    guard row.count == 2, let id = text(row[0]), id.hasSuffix("-0"), let offset = Int(id.dropLast(2)),
      let fields = row[1]
    else { return nil }
    var event: UnsafeRawBufferPointer?
    var time: Int64?
    var excluded: ClientID?
    var isBinary = false
    for (field, value) in fields.pairs {
      switch field.string {
      case "m": event = value.bytes
      case "t": time = Int64(value.string)
      case "x": excluded = ClientID(value.string)
      case "k": isBinary = value.string == "b"
      default: break
      }
    }
    guard let event, !event.isEmpty, let time else { return nil }
    let frame = isBinary ? FrameEncoder.frame(.binary, payload: event) : EventEncoder.text(event)
    return HistoryEntry(offset: offset, time: time, frame: frame, isBinary: isBinary, excluded: excluded)
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
