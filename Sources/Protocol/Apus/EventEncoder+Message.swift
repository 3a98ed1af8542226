import JSON
import Model
import WebSocket

extension EventEncoder {
  /// One published message, in one allocation. `data` is JSON text and goes out as it is; `from` and `client` are nil
  /// for the API's own, `from` for anonymous senders; `timestamp` in milliseconds since 1970.
  package static func message(
    channel: ChannelName, from: UserName?, client: ClientID?, data: UnsafeRawBufferPointer, timestamp: Int
  ) -> Frame {
    var counter = ByteCounter()
    write(channel: channel, from: from, client: client, data: data, timestamp: timestamp, to: &counter)
    let headerCount = FrameEncoder.headerCount(for: counter.count)
    return Frame.make(headerCount: headerCount, payloadCount: counter.count) { memory in
      guard let base = memory.baseAddress else { return }
      FrameEncoder.writeHeader(.text, payloadCount: counter.count, to: base)
      var cursor = ByteCursor(memory, at: headerCount)
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
  static func write(
    head channel: ChannelName, from: UserName?, client: ClientID?, data: UnsafeRawBufferPointer,
    to sink: inout some ByteSink
  ) {
    sink.append(literal: #"{"type":"message","channel":"#)
    sink.append(quoting: channel.string)
    sink.append(literal: #","from":"#)
    appendName(from, to: &sink)
    if let client {
      sink.append(literal: #","client":"#)
      sink.append(quoting: client.string)
    }
    sink.append(literal: #","data":"#)
    sink.append(data)
  }
}
