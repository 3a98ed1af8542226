import Model

/// A binary message as a node sends it: `0x01` or, with an offset of the channel's history, `0x02`; two bytes of length, the
/// channel's name, eight bytes of offset after `0x02`, the payload. Numbers are big-endian.
package struct BinaryMessage: Equatable {
  package let channel: String
  package let offset: Int?
  package let payload: [UInt8]

  /// Nil when the bytes are none.
  package init?(_ bytes: UnsafeRawBufferPointer) {
    guard let parts = Parts(bytes), let name = String(validating: parts.name, as: UTF8.self) else { return nil }
    channel = name
    offset = parts.offset
    payload = Array(parts.payload)
  }

  /// Whether the bytes are a message of that channel, with that offset or none.
  package static func isMessage(_ bytes: UnsafeRawBufferPointer, of channel: ChannelName, offset: Int?) -> Bool {
    guard let parts = Parts(bytes) else { return false }
    return parts.offset == offset && parts.name.elementsEqual(channel.string.utf8)
  }

  private struct Parts {
    let name: UnsafeRawBufferPointer
    let offset: Int?
    let payload: UnsafeRawBufferPointer

    init?(_ bytes: UnsafeRawBufferPointer) {
      guard bytes.count >= 3, bytes[0] == 0x01 || bytes[0] == 0x02 else { return nil }
      let nameEnd = 3 + Int(bytes[1]) << 8 + Int(bytes[2])
      let payloadStart = nameEnd + (bytes[0] == 0x02 ? 8 : 0)
      guard payloadStart <= bytes.count else { return nil }
      name = UnsafeRawBufferPointer(rebasing: bytes[3..<nameEnd])
      offset = bytes[0] == 0x02 ? bytes[nameEnd..<payloadStart].reduce(0) { $0 << 8 | Int($1) } : nil
      payload = UnsafeRawBufferPointer(rebasing: bytes[payloadStart...])
    }
  }
}
