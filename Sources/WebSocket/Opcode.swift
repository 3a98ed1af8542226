/// What a frame carries: RFC 6455 section 5.2. Every other value is reserved.
package enum Opcode: UInt8, Sendable {
  case continuation = 0x0
  case text = 0x1
  case binary = 0x2
  case close = 0x8
  case ping = 0x9
  case pong = 0xA

  /// Control frames carry at most 125 bytes, are never fragmented and may stand between the frames of a message
  /// (RFC 6455 section 5.5).
  package var isControl: Bool { rawValue & 0x8 != 0 }

  /// The longest payload of a control frame, in bytes.
  package static let maxControlPayload = 125
}
