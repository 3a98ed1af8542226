/// The hash slots of a Redis Cluster: each key is of one, and each slot is of one server.
package enum KeySlot {
  package static let count = 16_384

  /// The slot of a key: CRC16 of what stands in its first `{...}`, where that is not empty, otherwise of all of it.
  package static func of(_ key: String) -> Int {
    Int(crc16(hashed(key.utf8[...]))) % count
  }

  private static func hashed(_ key: Substring.UTF8View) -> Substring.UTF8View {
    guard let open = key.firstIndex(of: UInt8(ascii: "{")) else { return key }
    let tail = key[key.index(after: open)...]
    guard let close = tail.firstIndex(of: UInt8(ascii: "}")), close > tail.startIndex else { return key }
    return tail[..<close]
  }

  /// CRC-16/XMODEM: polynomial 0x1021, from zero, nothing reflected.
  static func crc16(_ bytes: some Sequence<UInt8>) -> UInt16 {
    var crc: UInt16 = 0
    for byte in bytes {
      crc ^= UInt16(byte) << 8
      for _ in 0..<8 { crc = crc & 0x8000 == 0 ? crc << 1 : (crc << 1) ^ 0x1021 }
    }
    return crc
  }
}
