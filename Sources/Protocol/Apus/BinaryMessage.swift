/// A binary message as a node sends it: `0x01` or, with a place in the history, `0x02`; two bytes of length, the
/// channel's name, eight bytes of offset after `0x02`, the payload. Numbers are big-endian.
package struct BinaryMessage: Equatable {
  package let channel: String
  package let offset: Int?
  package let payload: [UInt8]

  /// Nil when the bytes are none.
  package init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 3, bytes[0] == 0x01 || bytes[0] == 0x02 else { return nil }
    let nameEnd = 3 + Int(bytes[1]) << 8 + Int(bytes[2])
    let payloadStart = nameEnd + (bytes[0] == 0x02 ? 8 : 0)
    guard payloadStart <= bytes.count,
      let name = String(validating: UnsafeRawBufferPointer(rebasing: bytes[3..<nameEnd]), as: UTF8.self)
    else { return nil }
    channel = name
    offset = bytes[0] == 0x02 ? bytes[nameEnd..<payloadStart].reduce(0) { $0 << 8 | Int($1) } : nil
    payload = Array(bytes[payloadStart...])
  }
}
