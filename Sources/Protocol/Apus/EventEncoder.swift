import JSON
import Model
import WebSocket

/// Writes the server's replies and events, each as one finished text frame from server to client.
///
/// Members stand in the order of the protocol's documentation. A reply's `id` is left out when the command had none.
package enum EventEncoder {
  /// The version of the protocol told in `connected`.
  package static let protocolVersion = 1

  /// The first event of a connection. `pingInterval` in milliseconds, `maxMessageSize` in bytes; `warning` is left out where
  /// there is none.
  package static func connected(
    client: ClientID, node: NodeID, user: UserName?, pingInterval: Int, maxMessageSize: Int, warning: String? = nil
  ) -> Frame {
    frame { writer in
      writer.append(literal: #"{"type":"connected","clientId":"#)
      writer.append(quoting: client.string)
      writer.append(literal: #","node":"#)
      writer.append(quoting: node.string)
      writer.append(literal: #","user":"#)
      appendName(user, to: &writer)
      writer.append(literal: #","protocol":"#)
      writer.append(protocolVersion)
      writer.append(literal: #","pingInterval":"#)
      writer.append(pingInterval)
      writer.append(literal: #","maxMessageSize":"#)
      writer.append(maxMessageSize)
      appendWarning(warning, to: &writer)
    }
  }

  /// The reply to `unsubscribe`; with a `reason` the event that the server did it.
  package static func unsubscribed(id: RequestID?, channel: ChannelName, reason: String? = nil) -> Frame {
    frame { writer in
      appendReply("unsubscribed", id: id, channel: channel, to: &writer)
      if let reason {
        writer.append(literal: #","reason":"#)
        writer.append(quoting: reason)
      }
    }
  }

  /// The reply to `publish`.
  package static func published(id: RequestID?, channel: ChannelName, _ receipt: PublishReceipt) -> Frame {
    frame { writer in
      appendReply("published", id: id, channel: channel, to: &writer)
      if let position = receipt.position { append(position, to: &writer) }
      if receipt.isDuplicate { writer.append(literal: #","duplicate":true"#) }
    }
  }

  /// The reply to `ping`. `timestamp` in milliseconds since 1970.
  package static func pong(id: RequestID?, timestamp: Int) -> Frame {
    frame { writer in
      writer.append(literal: #"{"type":"pong""#)
      appendID(id, to: &writer)
      writer.append(literal: #","ts":"#)
      writer.append(timestamp)
    }
  }

  /// Tells why a command was refused.
  package static func error(_ refusal: Refusal) -> Frame {
    frame { writer in
      writer.append(literal: #"{"type":"error""#)
      appendID(refusal.id, to: &writer)
      writer.append(literal: #","code":"#)
      writer.append(quoting: refusal.code.rawValue)
      writer.append(literal: #","error":"#)
      writer.append(quoting: refusal.message)
      writer.append(literal: #","temporary":"#)
      writer.append(literal: refusal.code.isTemporary ? "true" : "false")
      if let retryAfter = refusal.retryAfter {
        writer.append(literal: #","retryAfter":"#)
        writer.append(retryAfter)
      }
    }
  }

  /// Announces that this node goes away. `after` is how many milliseconds to wait before connecting elsewhere.
  package static func drain(after: Int) -> Frame {
    frame { writer in
      writer.append(literal: #"{"type":"drain","after":"#)
      writer.append(after)
    }
  }

  /// A frame of event text that is finished already.
  package static func text(_ payload: UnsafeRawBufferPointer) -> Frame {
    FrameEncoder.frame(.text, payload: payload)
  }
}

extension EventEncoder {
  /// A frame of the object whose members `write` writes, from the opening brace on; the closing one is added here.
  static func frame(_ write: (inout ByteWriter) -> Void) -> Frame {
    var writer = ByteWriter(capacity: 256)
    write(&writer)
    writer.append(byte: UInt8(ascii: "}"))
    return FrameEncoder.text(writer.bytes)
  }

  /// The beginning of a reply: `type`, `id` when there is one, `channel`.
  static func appendReply(
    _ type: StaticString, id: RequestID?, channel: ChannelName, to sink: inout some ByteSink
  ) {
    sink.append(literal: #"{"type":""#)
    sink.append(literal: type)
    sink.append(byte: UInt8(ascii: "\""))
    appendID(id, to: &sink)
    sink.append(literal: #","channel":"#)
    sink.append(quoting: channel.string)
  }

  /// The `id` of a command as it came, or nothing.
  static func appendID(_ id: RequestID?, to sink: inout some ByteSink) {
    guard let id else { return }
    sink.append(literal: #","id":"#)
    sink.append(utf8: id.json)
  }

  /// A sentence for people, or nothing.
  static func appendWarning(_ warning: String?, to sink: inout some ByteSink) {
    guard let warning else { return }
    sink.append(literal: #","warning":"#)
    sink.append(quoting: warning)
  }

  /// A user's name as a JSON value, null for nobody's.
  package static func appendName(_ user: UserName?, to sink: inout some ByteSink) {
    if let user {
      sink.append(quoting: user.string)
    } else {
      sink.append(literal: "null")
    }
  }
}
