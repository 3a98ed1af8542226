/// A frame written out by hand, so that it can break any rule: the inverse of the decoder, made without the encoder.
struct RawFrame {
  enum LengthForm {
    case shortest
    case sixteen
    case sixtyFour
  }

  var opcode: UInt8
  var payload: [UInt8] = []
  var isFinal = true
  var reserved: UInt8 = 0
  /// In the order of the wire; nil for a frame that is not masked.
  var key: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]
  var form = LengthForm.shortest
  /// What the header says, where that is not how long the payload is.
  var announced: UInt64?

  static func text(_ text: String, isFinal: Bool = true) -> RawFrame {
    RawFrame(opcode: 1, payload: Array(text.utf8), isFinal: isFinal)
  }

  static func binary(_ payload: [UInt8], isFinal: Bool = true) -> RawFrame {
    RawFrame(opcode: 2, payload: payload, isFinal: isFinal)
  }

  static func continuation(_ payload: [UInt8], isFinal: Bool = true) -> RawFrame {
    RawFrame(opcode: 0, payload: payload, isFinal: isFinal)
  }

  static func close(_ code: UInt16, _ reason: [UInt8] = []) -> RawFrame {
    RawFrame(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
  }

  static func ping(_ payload: [UInt8] = []) -> RawFrame { RawFrame(opcode: 9, payload: payload) }
  static func pong(_ payload: [UInt8] = []) -> RawFrame { RawFrame(opcode: 10, payload: payload) }

  var bytes: [UInt8] {
    let length = announced ?? UInt64(payload.count)
    var bytes = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode]
    let mask: UInt8 = key == nil ? 0 : 0x80
    let form = form == .shortest && length > 125 ? (length > 65535 ? .sixtyFour : .sixteen) : form
    switch form {
    case .shortest:
      bytes.append(mask | UInt8(length))
    case .sixteen:
      bytes.append(mask | 126)
      bytes += [UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF)]
    case .sixtyFour:
      bytes.append(mask | 127)
      bytes += (0..<8).reversed().map { UInt8(length >> (8 * UInt64($0)) & 0xFF) }
    }
    guard let key else { return bytes + payload }
    return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
  }
}

extension Array where Element == RawFrame {
  var bytes: [UInt8] { flatMap(\.bytes) }
}
