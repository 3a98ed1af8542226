/// Makes frames: RFC 6455 section 5.2. Each is a whole message or control frame (FIN set).
package enum FrameEncoder {
  /// The longest reason a close frame has room for, in bytes of UTF-8.
  package static let maxCloseReason = Opcode.maxControlPayload - 2

  /// Bytes of header before a payload of that many bytes, unmasked: 2, 4 or 10.
  package static func headerCount(for payloadCount: Int) -> Int {
    switch payloadCount {
    case ...125: 2
    case ...0xFFFF: 4
    default: 10
    }
  }

  /// Writes the header of an unmasked frame to `pointer`, which has room for `headerCount(for:)` bytes, and tells how
  /// many these were.
  @discardableResult
  package static func writeHeader(
    _ opcode: Opcode, payloadCount: Int, to pointer: UnsafeMutableRawPointer
  ) -> Int {
    pointer.storeBytes(of: 0x80 | opcode.rawValue, as: UInt8.self)
    let count = headerCount(for: payloadCount)
    switch count {
    case 2:
      pointer.storeBytes(of: UInt8(payloadCount), toByteOffset: 1, as: UInt8.self)
    case 4:
      pointer.storeBytes(of: 126, toByteOffset: 1, as: UInt8.self)
      pointer.storeBytes(of: UInt16(payloadCount).bigEndian, toByteOffset: 2, as: UInt16.self)
    default:
      pointer.storeBytes(of: 127, toByteOffset: 1, as: UInt8.self)
      pointer.storeBytes(of: UInt64(payloadCount).bigEndian, toByteOffset: 2, as: UInt64.self)
    }
    return count
  }

  /// An unmasked frame, as servers send it. A control frame's payload is at most 125 bytes.
  package static func frame(_ opcode: Opcode, payload: UnsafeRawBufferPointer) -> Frame {
    make(opcode, payload, reserved: 0)
  }

  /// A data frame of a message that permessage-deflate has compressed (RFC 7692 section 6).
  package static func compressed(_ opcode: Opcode, payload: UnsafeRawBufferPointer) -> Frame {
    make(opcode, payload, reserved: 0x40)
  }

  private static func make(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer, reserved: UInt8) -> Frame {
    let copy = Payload.copy(payload)
    return Frame(opcode, copy.bytes, of: copy, reserved: reserved)
  }

  /// A text frame of `bytes`, which are valid UTF-8.
  package static func text(_ bytes: [UInt8]) -> Frame {
    bytes.withUnsafeBytes { frame(.text, payload: $0) }
  }

  /// A text frame of `string`.
  package static func text(_ string: String) -> Frame {
    var string = string
    return string.withUTF8 { frame(.text, payload: UnsafeRawBufferPointer($0)) }
  }

  /// A close frame; see `closePayload`.
  package static func close(_ code: CloseCode?, reason: String = "") -> Frame {
    closePayload(code, reason: reason).withUnsafeBytes { frame(.close, payload: $0) }
  }

  /// What a close frame carries: the code and the reason, cut between two characters to 123 bytes; nothing without a code.
  package static func closePayload(_ code: CloseCode?, reason: String = "") -> [UInt8] {
    guard let code else { return [] }
    var payload = [UInt8(truncatingIfNeeded: code.rawValue >> 8), UInt8(truncatingIfNeeded: code.rawValue)]
    payload.append(contentsOf: reason.utf8.prefix(maxCloseReason + 1))
    if payload.count > Opcode.maxControlPayload {
      // The first byte too many tells whether the cut before it is inside a character: back to that one's first byte.
      while let last = payload.popLast(), last & 0xC0 == 0x80 {}
    }
    return payload
  }

  /// A masked frame, as clients send it; `key` as `Masking` has it.
  package static func masked(_ opcode: Opcode, payload: UnsafeRawBufferPointer, key: UInt32) -> [UInt8] {
    precondition(!opcode.isControl || payload.count <= Opcode.maxControlPayload, "control frame is too long")
    let headerCount = headerCount(for: payload.count)
    let count = headerCount + 4 + payload.count
    return [UInt8](unsafeUninitializedCapacity: count) { elements, initialized in
      let bytes = UnsafeMutableRawBufferPointer(elements)
      if let base = bytes.baseAddress {
        writeHeader(opcode, payloadCount: payload.count, to: base)
        bytes[1] |= 0x80
        base.storeBytes(of: key.littleEndian, toByteOffset: headerCount, as: UInt32.self)
        // The array may have more capacity than was asked for.
        let body = UnsafeMutableRawBufferPointer(rebasing: bytes[(headerCount + 4)..<count])
        body.copyMemory(from: payload)
        Masking.apply(key, to: body)
      }
      initialized = count
    }
  }
}
