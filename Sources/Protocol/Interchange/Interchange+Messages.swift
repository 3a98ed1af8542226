import JSON
import Model

/// Messages, signals and gaps.
extension Interchange {
  /// One published message, in one allocation. `data` is JSON text and goes out as it is; `from` and `client` are nil
  /// for the API's own, `from` for anonymous senders; `timestamp` in milliseconds since 1970.
  package static func message(
    channel: ChannelName, from: UserName?, client: ClientID?, data: UnsafeRawBufferPointer, timestamp: Int
  ) -> EventText {
    var counter = ByteCounter()
    write(channel: channel, from: from, client: client, data: data, timestamp: timestamp, to: &counter)
    return EventText.make(count: counter.count) { memory in
      var cursor = ByteCursor(memory)
      write(channel: channel, from: from, client: client, data: data, timestamp: timestamp, to: &cursor)
    }
  }

  private static func write(
    channel: ChannelName, from: UserName?, client: ClientID?, data: UnsafeRawBufferPointer, timestamp: Int,
    to sink: inout some ByteSink
  ) {
    write(head: channel, from: from, client: client, data: data, to: &sink)
    sink.append(literal: #","ts":"#)
    sink.append(timestamp)
    sink.append(byte: UInt8(ascii: "}"))
  }

  /// The object up to its `data`.
  private static func write(
    head channel: ChannelName, from: UserName?, client: ClientID?, data: UnsafeRawBufferPointer,
    to sink: inout some ByteSink
  ) {
    appendHead("message", channel: channel, to: &sink)
    sink.append(literal: #","from":"#)
    appendName(from, to: &sink)
    if let client {
      sink.append(literal: #","client":"#)
      sink.append(quoting: client.string)
    }
    sink.append(literal: #","data":"#)
    sink.append(data)
  }

  /// A message as far as it is known before it has its place: the object up to its `data`. For a channel that keeps
  /// history, or a publisher who gives a key: what is missing is added by `finish`, or inside Redis.
  package static func draft(
    channel: ChannelName, from: UserName?, client: ClientID?, data: UnsafeRawBufferPointer
  ) -> Publication.Event {
    var writer = ByteWriter(capacity: 128 + data.count)
    write(head: channel, from: from, client: client, data: data, to: &writer)
    return .draft(head: writer.bytes, tail: [])
  }

  /// The text that a draft of one becomes; `offset` where it is kept, `timestamp` in milliseconds.
  package static func finish(head: [UInt8], offset: Int?, timestamp: Int) -> EventText {
    var writer = ByteWriter(capacity: head.count + 64)
    head.withUnsafeBytes { writer.append($0) }
    if let offset {
      writer.append(literal: #","offset":"#)
      writer.append(offset)
    }
    writer.append(literal: #","ts":"#)
    writer.append(timestamp)
    writer.append(byte: UInt8(ascii: "}"))
    return EventText(writer.bytes)
  }

  /// A fleeting event. `data` is JSON text and goes out as it is.
  package static func signal(
    channel: ChannelName, from: UserName?, client: ClientID?, event: String, data: UnsafeRawBufferPointer?
  ) -> EventText {
    text { writer in
      appendHead("signal", channel: channel, to: &writer)
      writer.append(literal: #","from":"#)
      appendName(from, to: &writer)
      if let client {
        writer.append(literal: #","client":"#)
        writer.append(quoting: client.string)
      }
      writer.append(literal: #","event":"#)
      writer.append(quoting: event)
      guard let data else { return }
      writer.append(literal: #","data":"#)
      writer.append(data)
    }
  }
}

extension ChannelEvent {
  /// Messages up to that position may have been missed, and cannot be had any more.
  package static func gap(in channel: ChannelName, upTo position: StreamPosition) -> ChannelEvent {
    let text = Interchange.text { writer in
      Interchange.appendHead("gap", channel: channel, to: &writer)
      Interchange.append(position, to: &writer)
    }
    return ChannelEvent(.gap, text, at: position)
  }
}
