import WebSocket

/// An event whose bytes are its own.
enum Seen: Equatable {
  case text(String)
  case binary([UInt8])
  case compressed(MessageKind, [UInt8])
  case ping([UInt8])
  case pong([UInt8])
  case close(UInt16?, String)
  case violation(UInt16)

  init(_ event: FrameEvent) {
    self =
      switch event {
      case .text(let bytes): .text(String(decoding: bytes, as: UTF8.self))
      case .binary(let bytes): .binary(Array(bytes))
      case .compressed(let kind, let bytes): .compressed(kind, Array(bytes))
      case .ping(let bytes): .ping(Array(bytes))
      case .pong(let bytes): .pong(Array(bytes))
      case .close(let code, let reason): .close(code?.rawValue, String(decoding: reason, as: UTF8.self))
      case .violation(let code, _): .violation(code.rawValue)
      }
  }
}

extension FrameDecoder.Limits {
  static let testing = FrameDecoder.Limits(maxMessageSize: 1 << 20, maxFragments: 100)
}

extension FrameDecoder {
  static func server(maxMessageSize: Int = 1 << 20, maxFragments: Int = 100) -> FrameDecoder {
    FrameDecoder(role: .server, limits: Limits(maxMessageSize: maxMessageSize, maxFragments: maxFragments))
  }

  /// The events of one piece, which lies in memory of its own that is gone afterwards.
  mutating func events(_ piece: [UInt8]) -> [Seen] {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
    defer { memory.deallocate() }
    memory.copyBytes(from: piece)
    var bytes = memory
    var seen: [Seen] = []
    while let event = next(&bytes) { seen.append(Seen(event)) }
    if !bytes.isEmpty { fatalError("\(bytes.count) bytes were left") }
    return seen
  }

  /// The events of a whole stream, in pieces.
  static func events(
    of pieces: [[UInt8]], role: Role = .server, limits: Limits = .testing, compression: Bool = false
  ) -> [Seen] {
    var decoder = FrameDecoder(role: role, limits: limits)
    if compression { decoder.allowCompression() }
    return pieces.flatMap { decoder.events($0) }
  }

  static func events(
    of frames: [RawFrame], role: Role = .server, limits: Limits = .testing, compression: Bool = false
  ) -> [Seen] {
    events(of: [frames.bytes], role: role, limits: limits, compression: compression)
  }
}
