import Cluster
import JSON
import Model
import Protocol

/// An open connection as Redis keeps it: the JSON value of a field of its node's hash.
package enum ConnectionEntry {
  /// `{"user":"alice","ip":"192.0.2.1","since":1730000000123}`: `user` null for an anonymous connection, `ip` null where
  /// there is none.
  package static func encode(_ connection: OpenConnection) -> [UInt8] {
    var writer = ByteWriter(capacity: 96)
    writer.append(literal: #"{"user":"#)
    Interchange.appendName(connection.user, to: &writer)
    writer.append(literal: #","ip":"#)
    if let address = connection.address {
      writer.append(quoting: address)
    } else {
      writer.append(literal: "null")
    }
    writer.append(literal: #","since":"#)
    writer.append(Int(connection.since))
    writer.append(byte: UInt8(ascii: "}"))
    return writer.bytes
  }

  /// Whose connection an entry tells of; nil for an anonymous one, and where the bytes are no entry.
  package static func user(of bytes: UnsafeRawBufferPointer) -> UserName? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    return JSONObject(text)?.string("user").flatMap(UserName.init)
  }
}
