import JSON
import Model

extension EventEncoder {
  /// The reply to `request`. `result` is JSON text and goes out as it is.
  package static func response(id: RequestID?, result: String) -> Frame {
    frame { writer in
      writer.append(literal: #"{"type":"response""#)
      appendID(id, to: &writer)
      writer.append(literal: #","result":"#)
      writer.append(utf8: result)
    }
  }

  /// The reply to a `request` that the backend has refused. `error` is JSON text and goes out as it is.
  package static func response(id: RequestID?, error: String) -> Frame {
    frame { writer in
      writer.append(literal: #"{"type":"response""#)
      appendID(id, to: &writer)
      writer.append(literal: #","error":"#)
      writer.append(utf8: error)
    }
  }

  /// The result of the method `whoami`.
  package static func whoami(client: ClientID, node: NodeID, user: UserName?) -> String {
    var writer = ByteWriter(capacity: 128)
    writer.append(literal: #"{"user":"#)
    appendName(user, to: &writer)
    writer.append(literal: #","clientId":"#)
    writer.append(quoting: client.string)
    writer.append(literal: #","node":"#)
    writer.append(quoting: node.string)
    writer.append(byte: UInt8(ascii: "}"))
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// The result of the method `channels`: a list of names.
  package static func channels(_ names: [ChannelName]) -> String {
    var writer = ByteWriter(capacity: 128)
    writer.append(byte: UInt8(ascii: "["))
    for (index, name) in names.enumerated() {
      if index > 0 { writer.append(byte: UInt8(ascii: ",")) }
      writer.append(quoting: name.string)
    }
    writer.append(byte: UInt8(ascii: "]"))
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
