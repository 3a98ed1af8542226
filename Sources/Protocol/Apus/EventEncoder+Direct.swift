import JSON
import Model

/// Events that belong to no channel. `finish(head:offset:timestamp:)` completes a head, and so does the script `send`.
extension EventEncoder {
  /// An event up to the end of its `data`, which goes out as it is.
  package static func head(of event: DirectEvent) -> [UInt8] {
    var writer = ByteWriter(capacity: event.data.count + 128)
    append(headOf: event, to: &writer)
    return writer.bytes
  }

  /// The same, behind what `writer` has.
  package static func append(headOf event: DirectEvent, to writer: inout ByteWriter) {
    switch event {
    case .direct(let user, let client, data: _):
      writer.append(literal: #"{"type":"direct","from":"#)
      appendName(user, to: &writer)
      writer.append(literal: #","client":"#)
      writer.append(quoting: client.string)
    case .notification: writer.append(literal: #"{"type":"notification""#)
    }
    writer.append(literal: #","data":"#)
    event.data.withUnsafeBytes { writer.append($0) }
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
