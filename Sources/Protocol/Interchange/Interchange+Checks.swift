import JSON
import WebSocket

/// What is looked at before a text goes to clients, since other programs may write in Redis, too.
extension Interchange {
  package static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool { UTF8Validator.isValid(bytes) }

  /// Whether the bytes are one JSON object in UTF-8, from the first byte on.
  package static func isObject(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.first == UInt8(ascii: "{") && isUTF8(bytes) && JSONScanner.validate(bytes)
  }
}
