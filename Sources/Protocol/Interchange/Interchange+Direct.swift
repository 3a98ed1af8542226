import JSON
import Model

/// Events that belong to no channel.
extension Interchange {
  /// The event as it goes to clients; `timestamp` in milliseconds since 1970.
  package static func direct(_ event: DirectEvent, timestamp: Int) -> EventText {
    var writer = ByteWriter(capacity: event.data.count + 128)
    append(headOf: event, to: &writer)
    return finish(head: writer.bytes, offset: nil, timestamp: timestamp)
  }

  /// The event up to the end of its `data`, which goes out as it is; the script `send` completes it.
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
}
