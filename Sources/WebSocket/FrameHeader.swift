/// The first 2 to 14 bytes of a frame: RFC 6455 section 5.2.
struct FrameHeader {
  /// The longest header: two bytes, an eight byte length, a masking key.
  static let maxCount = 14

  /// Bytes of payload, at most `Int.max`.
  var length: Int
  /// See `Masking`; 0, which changes nothing, for a frame that is not masked.
  var key: UInt32
  var opcode: Opcode
  var isFinal: Bool
  /// RSV1 as permessage-deflate uses it (RFC 7692 section 6).
  var isCompressed: Bool

  /// What depends on the connection.
  struct Rules {
    /// Whether the sender must mask (it is a client), or must not.
    let masked: Bool
    /// Whether permessage-deflate was agreed on.
    let mayBeCompressed: Bool
  }

  enum Parsed {
    case incomplete
    /// The header, and how many bytes it took.
    case header(FrameHeader, count: Int)
    case violation(StaticString)
  }

  /// Reads the header `bytes` begin with.
  ///
  /// The bytes are checked in their order and each as soon as it is there, so that a violation does not depend on how
  /// the stream was cut.
  static func parse(_ bytes: UnsafeRawBufferPointer, _ rules: Rules) -> Parsed {
    guard bytes.count >= 1 else { return .incomplete }
    let first = bytes[0]
    let isCompressed = first & 0x40 != 0
    guard first & 0x30 == 0, !isCompressed || rules.mayBeCompressed else { return .violation("reserved bits are set") }
    guard let opcode = Opcode(rawValue: first & 0x0F) else { return .violation("reserved opcode") }
    guard !isCompressed || opcode == .text || opcode == .binary else {
      return .violation("only the first frame of a message may be marked as compressed")
    }
    let isFinal = first & 0x80 != 0
    guard isFinal || !opcode.isControl else { return .violation("fragmented control frame") }

    guard bytes.count >= 2 else { return .incomplete }
    let second = bytes[1]
    guard (second & 0x80 != 0) == rules.masked else {
      return .violation(rules.masked ? "frame is not masked" : "frame is masked")
    }
    var length = Int(second & 0x7F)
    guard length <= Opcode.maxControlPayload || !opcode.isControl else {
      return .violation("control frame is too long")
    }

    var count = 2
    if length == 126 {
      guard bytes.count >= 4 else { return .incomplete }
      length = Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
      guard length > 125 else { return .violation("length is not encoded in its shortest form") }
      count = 4
    } else if length == 127 {
      guard bytes.count >= 10 else { return .incomplete }
      let long = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
      guard let fitting = Int(exactly: long) else { return .violation("length has its highest bit set") }
      guard fitting > 0xFFFF else { return .violation("length is not encoded in its shortest form") }
      length = fitting
      count = 10
    }

    var key: UInt32 = 0
    if rules.masked {
      guard bytes.count >= count + 4 else { return .incomplete }
      key = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: count, as: UInt32.self))
      count += 4
    }
    return .header(
      FrameHeader(length: length, key: key, opcode: opcode, isFinal: isFinal, isCompressed: isCompressed),
      count: count)
  }
}

/// The beginning of a header of which the rest has not arrived, held in place.
struct PartialHeader {
  private var storage: (UInt64, UInt64) = (0, 0)
  private var count: UInt8 = 0

  var isEmpty: Bool { count == 0 }

  mutating func append(_ byte: UInt8) {
    precondition(count < FrameHeader.maxCount, "a header that long is complete")
    withUnsafeMutableBytes(of: &storage) { $0[Int(count)] = byte }
    count += 1
  }

  func parse(_ rules: FrameHeader.Rules) -> FrameHeader.Parsed {
    withUnsafeBytes(of: storage) {
      FrameHeader.parse(UnsafeRawBufferPointer(rebasing: $0[..<Int(count)]), rules)
    }
  }
}
