import JSON
import Model
import Protocol

/// A method that the node does not know, as the backend is told of it.
package enum BackendCall {
  /// The JSON text of the call. `params`, valid JSON, goes out byte for byte; without it `null` stands there.
  package static func body(
    method: String, params: UnsafeRawBufferPointer?, user: UserName?, client: ClientID
  ) -> [UInt8] {
    var writer = ByteWriter(capacity: 128 + method.utf8.count + (params?.count ?? 0))
    writer.append(literal: #"{"method":"#)
    writer.append(quoting: method)
    writer.append(literal: #","params":"#)
    if let params {
      writer.append(params)
    } else {
      writer.append(literal: "null")
    }
    writer.append(literal: #","user":"#)
    Interchange.appendName(user, to: &writer)
    writer.append(literal: #","clientId":"#)
    writer.append(quoting: client.string)
    writer.append(byte: UInt8(ascii: "}"))
    return writer.bytes
  }
}
