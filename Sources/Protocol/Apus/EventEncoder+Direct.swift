import JSON
import Model

/// Events that belong to no channel. `finish(head:offset:timestamp:)` completes a head, and so does the script `send`.
extension EventEncoder {
  /// What a client has sent to a user, up to its `data`, which is JSON text and goes out as it is; `from` is nil for an
  /// anonymous sender.
  package static func directHead(from: UserName?, client: ClientID, data: UnsafeRawBufferPointer) -> [UInt8] {
    var writer = ByteWriter(capacity: data.count + 128)
    writer.append(literal: #"{"type":"direct","from":"#)
    appendName(from, to: &writer)
    writer.append(literal: #","client":"#)
    writer.append(quoting: client.string)
    writer.append(literal: #","data":"#)
    writer.append(data)
    return writer.bytes
  }

  /// What the API tells a user or everybody, up to its `data`.
  package static func notificationHead(data: UnsafeRawBufferPointer) -> [UInt8] {
    var writer = ByteWriter(capacity: data.count + 32)
    writer.append(literal: #"{"type":"notification","data":"#)
    writer.append(data)
    return writer.bytes
  }

  /// The reply to `send`: whether a live node has taken it.
  package static func sent(id: RequestID?, online: Bool) -> Frame {
    frame { writer in
      writer.append(literal: #"{"type":"sent""#)
      appendID(id, to: &writer)
      writer.append(literal: online ? #","online":true"# : #","online":false"#)
    }
  }
}
