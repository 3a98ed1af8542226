import Crypto

/// `Sec-WebSocket-Key` and its answer: RFC 6455 sections 4.1 and 4.2.2.
package enum WebSocketKey {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// Whether `key` is the canonical base64 of exactly 16 bytes.
  package static func isValid(_ key: String) -> Bool {
    let text = key.utf8
    guard text.count == 24, text.suffix(2).elementsEqual("==".utf8) else { return false }
    let digits = text.dropLast(2)
    guard digits.allSatisfy({ $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/") }) else {
      return false
    }
    // 22 digits are 132 bits, 4 more than 16 bytes: the last digit's low bits must be 0.
    return digits.last.map { "AQgw".utf8.contains($0) } ?? false
  }

  /// `Sec-WebSocket-Accept` for that key: base64 of the SHA-1 of the key and the protocol's own UUID.
  package static func accept(for key: String) -> String {
    var hash = Insecure.SHA1()
    hash.update(data: Array(key.utf8))
    hash.update(data: Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))
    return base64(Array(hash.finalize()))
  }

  /// The base64 of `bytes`, padded: RFC 4648 section 4.
  package static func base64(_ bytes: [UInt8]) -> String {
    let count = (bytes.count + 2) / 3 * 4
    return String(unsafeUninitializedCapacity: count) { text in
      var position = 0
      var index = 0
      while index < bytes.count {
        let left = bytes.count - index
        let second = left > 1 ? UInt32(bytes[index + 1]) : 0
        let third = left > 2 ? UInt32(bytes[index + 2]) : 0
        let group = UInt32(bytes[index]) << 16 | second << 8 | third
        text[position] = alphabet[Int(group >> 18)]
        text[position + 1] = alphabet[Int(group >> 12 & 63)]
        text[position + 2] = left > 1 ? alphabet[Int(group >> 6 & 63)] : UInt8(ascii: "=")
        text[position + 3] = left > 2 ? alphabet[Int(group & 63)] : UInt8(ascii: "=")
        position += 4
        index += 3
      }
      return count
    }
  }
}
