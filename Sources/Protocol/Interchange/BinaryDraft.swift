import Model

/// A binary message on its way to its place: `0x01` becomes `0x02` with the offset before the payload.
extension BinaryPublish {
  /// The message as a client sent it, whose channel has been read, taken apart before its payload.
  package static func draft(_ bytes: UnsafeRawBufferPointer, keepsHistory: Bool) -> Publication.Event {
    let end = headerCount + Int(bytes[1]) << 8 + Int(bytes[2])
    var head = Array(bytes[..<end])
    if keepsHistory { head[0] = keptMarker }
    return .draft(head: head, tail: Array(bytes[end...]))
  }

  /// A message of the HTTP API.
  package static func draft(_ payload: [UInt8], to channel: ChannelName, keepsHistory: Bool) -> Publication.Event {
    let name = Array(channel.string.utf8)
    let marker = keepsHistory ? keptMarker : marker
    return .draft(head: [marker, UInt8(name.count >> 8), UInt8(name.count & 0xFF)] + name, tail: payload)
  }

  /// The bytes that a draft becomes.
  package static func finish(head: [UInt8], tail: [UInt8], offset: Int?) -> EventText {
    var bytes = head
    if let offset {
      for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: offset >> shift)) }
    }
    bytes += tail
    return EventText(bytes)
  }
}
