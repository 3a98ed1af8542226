import JSON
import Model
import WebSocket

extension EventEncoder {
  // MARK: Messages that get a place

  /// A message as far as it is known before it has its place: the object up to its `data`. For a channel that keeps
  /// history, or a publisher who gives a key: what is missing is added by `finish`, or inside Redis.
  package static func draft(
    channel: ChannelName, from: UserName?, client: ClientID?, data: UnsafeRawBufferPointer
  ) -> Publication.Event {
    var writer = ByteWriter(capacity: 128 + data.count)
    write(head: channel, from: from, client: client, data: data, to: &writer)
    return .draft(head: writer.bytes, tail: [])
  }

  /// The message that a draft of a text becomes; `offset` where it is kept, `timestamp` in milliseconds.
  package static func finish(head: [UInt8], offset: Int?, timestamp: Int) -> Frame {
    var writer = ByteWriter(capacity: head.count + 64)
    head.withUnsafeBytes { writer.append($0) }
    if let offset {
      writer.append(literal: #","offset":"#)
      writer.append(offset)
    }
    writer.append(literal: #","ts":"#)
    writer.append(timestamp)
    writer.append(byte: UInt8(ascii: "}"))
    return FrameEncoder.text(writer.bytes)
  }

  // MARK: Replies and events

  /// The reply to `subscribe` in a channel that keeps history: the next message has the offset after `position`.
  /// `isRecovered` is left out for who did not ask for what was missed.
  package static func subscribed(
    id: RequestID?, channel: ChannelName, position: StreamPosition, isRecovered: Bool?, roster: Roster?
  ) -> Frame {
    frame { writer in
      appendReply("subscribed", id: id, channel: channel, to: &writer)
      append(position, to: &writer)
      if let isRecovered { writer.append(literal: isRecovered ? #","recovered":true"# : #","recovered":false"#) }
      if let roster { appendRoster(roster, to: &writer) }
    }
  }

  /// The reply to `history`.
  package static func history(id: RequestID?, channel: ChannelName, _ read: HistoryRead) -> Frame {
    frame { writer in
      appendReply("history", id: id, channel: channel, to: &writer)
      append(read.top, to: &writer)
      if read.isReset { writer.append(literal: #","reset":true"#) }
      writer.append(literal: #","messages":["#)
      var isFirst = true
      for entry in read.entries {
        if !isFirst { writer.append(byte: UInt8(ascii: ",")) }
        isFirst = false
        entry.frame.withPayload { payload in
          entry.isBinary ? appendBinary(payload, entry, channel, to: &writer) : writer.append(payload)
        }
      }
      writer.append(byte: UInt8(ascii: "]"))
    }
  }

  /// Messages up to that place may have been missed, and cannot be had any more.
  package static func gap(channel: ChannelName, _ position: StreamPosition) -> Frame {
    frame { writer in
      appendReply("gap", id: nil, channel: channel, to: &writer)
      append(position, to: &writer)
    }
  }

  /// A fleeting event. `data` is JSON text and goes out as it is.
  package static func signal(
    channel: ChannelName, from: UserName?, client: ClientID, event: String, data: UnsafeRawBufferPointer?
  ) -> Frame {
    frame { writer in
      appendReply("signal", id: nil, channel: channel, to: &writer)
      writer.append(literal: #","from":"#)
      appendName(from, to: &writer)
      writer.append(literal: #","client":"#)
      writer.append(quoting: client.string)
      writer.append(literal: #","event":"#)
      writer.append(quoting: event)
      guard let data else { return }
      writer.append(literal: #","data":"#)
      writer.append(data)
    }
  }

  /// The reply to `signal`.
  package static func signalled(id: RequestID?, channel: ChannelName) -> Frame {
    frame { writer in appendReply("signalled", id: id, channel: channel, to: &writer) }
  }

  // MARK: -

  static func append(_ position: StreamPosition, to sink: inout some ByteSink) {
    sink.append(literal: #","epoch":"#)
    sink.append(quoting: position.epoch)
    sink.append(literal: #","offset":"#)
    sink.append(position.offset)
  }

  /// A binary message among the texts of a history.
  private static func appendBinary(
    _ bytes: UnsafeRawBufferPointer, _ entry: HistoryEntry, _ channel: ChannelName, to writer: inout ByteWriter
  ) {
    appendReply("message", id: nil, channel: channel, to: &writer)
    writer.append(literal: #","binary":""#)
    writer.append(utf8: WebSocketKey.base64(BinaryMessage(bytes)?.payload ?? []))
    writer.append(literal: #"","offset":"#)
    writer.append(entry.offset)
    writer.append(literal: #","ts":"#)
    writer.append(Int(entry.time))
    writer.append(byte: UInt8(ascii: "}"))
  }
}
