import Model

/// A message published without JSON, as one binary frame: byte `01`, two bytes big-endian length of the channel's name,
/// the name, the payload. Listeners get the same frame.
package enum BinaryPublish {
  static let marker: UInt8 = 0x01
  /// The first byte of one that has its place in a history.
  static let keptMarker: UInt8 = 0x02
  static let headerCount = 3

  /// The channel of such a message, or why it is none.
  package static func channel(of bytes: UnsafeRawBufferPointer) -> Result<ChannelName, Refusal> {
    guard bytes.first == marker else {
      return .failure(
        Refusal(.badRequest, "A binary frame must begin with the byte 01, to publish. Send JSON in a text frame."))
    }
    guard bytes.count >= headerCount else {
      return .failure(Refusal(.badRequest, "The binary frame ends before the channel name."))
    }
    let length = Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 1, as: UInt16.self)))
    guard length <= bytes.count - headerCount else {
      return .failure(Refusal(.badRequest, "The binary frame is shorter than the channel name that it announces."))
    }
    let name = bytes[headerCount..<(headerCount + length)]
    guard let channel = String(validating: name, as: UTF8.self).flatMap(ChannelName.init) else {
      return .failure(Refusal(.invalidChannel, ChannelName.rule))
    }
    return .success(channel)
  }
}
