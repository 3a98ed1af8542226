import JSON

/// JSON text of strings, by the encoder of the wire protocol.
enum JSONText {
  static func quoted(_ string: String) -> String {
    var writer = ByteWriter(capacity: string.utf8.count + 2)
    writer.append(quoting: string)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
