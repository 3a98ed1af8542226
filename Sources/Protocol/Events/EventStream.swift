import JSON
import Model
import WebSocket

/// The protocol as Server-Sent Events (the HTML standard, section 9.2): each event and reply is one `data:` line with the
/// JSON that a WebSocket would be sent, and a binary message is JSON with its payload in base64.
package enum EventStream {
  /// What a browser's `EventSource` takes for an order not to come back: it has no other.
  private static let never = 2_147_483_647

  // MARK: Events

  /// The `data:` line of an event, without what stands before it.
  package static func frame(of event: ChannelEvent) -> Frame { frame(of: ApusCodec.frame(of: event)) }

  package static func frame(of text: EventText) -> Frame { frame(of: ApusCodec.frame(of: text)) }

  /// What a WebSocket's frame of an event becomes.
  package static func frame(of frame: Frame) -> Frame {
    text(of: frame).withPayload { self.frame(json: $0) }
  }

  /// The JSON of a WebSocket's frame of an event.
  package static func text(of frame: Frame) -> Frame {
    frame.withPayload { Frame(unframed: frame.opcode == .binary ? json(binary: $0) : Array($0)) }
  }

  private static func json(binary bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var writer = ByteWriter(capacity: bytes.count * 4 / 3 + 128)
    guard let message = BinaryMessage(bytes), let channel = ChannelName(message.channel) else { return [] }
    Interchange.appendHead("message", channel: channel, to: &writer)
    writer.append(literal: #","binary":""#)
    writer.append(utf8: Base64.encode(message.payload))
    writer.append(byte: UInt8(ascii: "\""))
    if let offset = message.offset { ApusCodec.append(#","offset":"#, offset, &writer) }
    writer.append(byte: UInt8(ascii: "}"))
    return writer.bytes
  }

  /// The `data:` line of JSON text. A line break in it, which can only stand between its parts, becomes a space: behind a
  /// break another line would begin.
  private static func frame(json: UnsafeRawBufferPointer) -> Frame {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(json.count + 8)
    bytes += "data: ".utf8
    for byte in json {
      bytes.append(byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") ? UInt8(ascii: " ") : byte)
    }
    bytes += "\n\n".utf8
    return Frame(unframed: bytes)
  }

  // MARK: Replies

  package static func frame(of reply: Reply) -> Frame {
    var text = ApusCodec.json(of: reply)
    return text.withUTF8 { frame(json: UnsafeRawBufferPointer($0)) }
  }

  /// Tells a client that the stream lives, and what time it is: milliseconds since 1970.
  package static func ping(time: Int64) -> Frame {
    Frame(unframed: Array("event: ping\ndata: {\"ts\":\(time)}\n\n".utf8))
  }

  /// The last event: the code that a WebSocket would be closed with. Where nobody is to come back that is said in the only
  /// way that an `EventSource` understands.
  package static func close(_ code: CloseCode) -> Frame {
    let isFinal = code == .unauthenticated || code == .disconnected
    let retry = isFinal ? "retry: \(never)\n" : ""
    return Frame(unframed: Array("\(retry)data: {\"type\":\"close\",\"code\":\(code.rawValue)}\n\n".utf8))
  }

  /// How long a client is to wait until it comes back, in milliseconds.
  package static func retry(after milliseconds: Int) -> String { "retry: \(milliseconds)\n\n" }

  /// A frame with the line before it that an `EventSource` gives back when it returns.
  package static func frame(_ frame: Frame, id: String) -> Frame {
    var bytes = Array("id: \(id)\n".utf8)
    frame.withPayload { bytes += $0 }
    return Frame(unframed: bytes)
  }
}
