import JSON
import Model

/// Writes the interchange text: events as they go between loops and nodes, and as `apus.v1` tells them to clients.
///
/// Members stand in the order of the protocol's documentation.
package enum Interchange {
  /// The object whose members `write` writes, from the opening brace on; the closing one is added here.
  static func text(_ write: (inout ByteWriter) -> Void) -> EventText {
    var writer = ByteWriter(capacity: 256)
    write(&writer)
    writer.append(byte: UInt8(ascii: "}"))
    return EventText(writer.bytes)
  }

  /// The beginning of an event or a reply: `type`, `id` when there is one, `channel`.
  static func appendHead(
    _ type: StaticString, id: RequestID? = nil, channel: ChannelName, to sink: inout some ByteSink
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

  /// A user's name as a JSON value, null for nobody's.
  package static func appendName(_ user: UserName?, to sink: inout some ByteSink) {
    if let user {
      sink.append(quoting: user.string)
    } else {
      sink.append(literal: "null")
    }
  }

  static func append(_ position: StreamPosition, to sink: inout some ByteSink) {
    sink.append(literal: #","epoch":"#)
    sink.append(quoting: position.epoch)
    sink.append(literal: #","offset":"#)
    sink.append(position.offset)
  }
}
