import JSON
import Model

/// Writes a client's commands, each as one JSON text.
package enum CommandEncoder {
  /// `info` is JSON text. `since` asks for what was missed since then.
  package static func subscribe(
    _ channel: String, id: Int, presence: PresenceMode = .none, info: String? = nil,
    since: Since? = nil
  ) -> String {
    text("subscribe", id: id, channel: channel) { writer in
      switch presence {
      case .none: break
      case .watch: writer.append(literal: #","presence":"watch""#)
      case .member: writer.append(literal: #","presence":true"#)
      }
      if let info {
        writer.append(literal: #","info":"#)
        writer.append(utf8: info)
      }
      switch since {
      case nil: break
      case .position(let position):
        writer.append(literal: #","since":{"epoch":"#)
        writer.append(quoting: position.epoch)
        writer.append(literal: #","offset":"#)
        writer.append(position.offset)
        writer.append(byte: UInt8(ascii: "}"))
      case .time(let time):
        writer.append(literal: #","since":"#)
        writer.append(Int(time))
      }
    }
  }

  package static func unsubscribe(_ channel: String, id: Int) -> String {
    text("unsubscribe", id: id, channel: channel) { _ in }
  }

  /// `data` is JSON text; without `id` there is no reply.
  package static func publish(_ data: String, to channel: String, id: Int?, echo: Bool = true) -> String {
    text("publish", id: id, channel: channel) { writer in
      if !echo { writer.append(literal: #","echo":false"#) }
      writer.append(literal: #","data":"#)
      writer.append(utf8: data)
    }
  }

  /// Asks who is in a channel.
  package static func presence(_ channel: String, id: Int, onlyCount: Bool) -> String {
    text("presence", id: id, channel: channel) { writer in
      if onlyCount { writer.append(literal: #","only":"count""#) }
    }
  }

  /// Proves who the client is, the first time or anew; `token` is a JSON Web Token.
  package static func authenticate(_ token: String, id: Int) -> String {
    text("auth", id: id) { writer in
      writer.append(literal: #","token":"#)
      writer.append(quoting: token)
    }
  }

  package static let ping = #"{"type":"ping"}"#

  private static func text(
    _ type: StaticString, id: Int?, channel: String, _ rest: (inout ByteWriter) -> Void
  ) -> String {
    text(type, id: id) { writer in
      writer.append(literal: #","channel":"#)
      writer.append(quoting: channel)
      rest(&writer)
    }
  }

  private static func text(_ type: StaticString, id: Int?, _ rest: (inout ByteWriter) -> Void) -> String {
    var writer = ByteWriter(capacity: 128)
    writer.append(literal: #"{"type":""#)
    writer.append(literal: type)
    writer.append(byte: UInt8(ascii: "\""))
    if let id {
      writer.append(literal: #","id":"#)
      writer.append(id)
    }
    rest(&writer)
    writer.append(byte: UInt8(ascii: "}"))
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
