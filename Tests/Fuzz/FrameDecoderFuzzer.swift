import Model
import WebSocket

/// A stream of bytes through `FrameDecoder`, and payloads through `UTF8Validator`, `Masking` and `FrameEncoder`.
///
/// Input: 1 byte flags (1 client, 2 compression allowed), 1 byte limit of the message, 1 byte limit of fragments, 4 bytes
/// lengths of pieces, 4 bytes masking key, and the stream.
///
/// Oracles: whole, byte by byte and in pieces the events are those of a decoder that is written as plainly as possible;
/// no more is held than twice what has arrived of a message and than the limits allow, and nothing after the end; UTF-8
/// is what the standard library takes for it, in pieces, too; masking agrees with RFC 6455 section 5.3 for every phase
/// and alignment; what is encoded is decoded to the same.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzFrameDecoder(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = FuzzInput(start, count: count)
  let flags = input.byte()
  let size = Int(input.byte())
  let link = Link(
    isServer: flags & 1 == 0, allowsCompression: flags & 2 != 0,
    limits: FrameDecoder.Limits(maxMessageSize: size * size / 16, maxFragments: Int(input.byte() % 16) + 1))
  let lengths = input.bytes(4)
  let key = input.number(UInt32.self)
  let stream = input.remaining()

  let expected = PlainDecoder.events(of: stream, link)
  for (pieces, name) in [([stream], "whole"), (stream.pieces([1]), "byte by byte"), (stream.pieces(lengths), "cut")] {
    let seen = link.decode(pieces)
    expect(seen == expected, "\(name): \(seen) instead of \(expected)")
  }
  checkText(stream, lengths)
  checkMasking(stream, key)
  checkEncoding(stream, key)
  return 0
}

/// An event whose bytes are its own.
private enum Seen: Equatable {
  case text([UInt8])
  case binary([UInt8])
  case compressed(MessageKind, [UInt8])
  case control(Opcode, [UInt8])
  case violation(UInt16)

  init(_ event: FrameEvent) {
    self =
      switch event {
      case .text(let bytes): .text(Array(bytes))
      case .binary(let bytes): .binary(Array(bytes))
      case .compressed(let kind, let bytes): .compressed(kind, Array(bytes))
      case .ping(let bytes): .control(.ping, Array(bytes))
      case .pong(let bytes): .control(.pong, Array(bytes))
      case .close(nil, let reason): .control(.close, Array(reason))
      case .close(let code?, let reason):
        .control(.close, [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)] + reason)
      case .violation(let code, _): .violation(code.rawValue)
      }
  }

  var isMessage: Bool {
    switch self {
    case .text, .binary, .compressed: true
    case .control, .violation: false
    }
  }

  var isLast: Bool {
    switch self {
    case .violation, .control(.close, _): true
    case .text, .binary, .compressed, .control: false
    }
  }
}

/// What the two ends have agreed on.
private struct Link {
  var isServer: Bool
  var allowsCompression: Bool
  var limits: FrameDecoder.Limits

  /// What a compressed message may be longer by than what it inflates to.
  var slack: Int { limits.maxMessageSize / 16 + 64 }

  func decode(_ pieces: [[UInt8]]) -> [Seen] {
    var decoder = FrameDecoder(role: isServer ? .server : .client, limits: limits)
    if allowsCompression { decoder.allowCompression() }
    let most = 2 * (limits.maxMessageSize + (allowsCompression ? slack : 0) + Opcode.maxControlPayload)
    var events: [Seen] = []
    // Bytes since the last message.
    var arrived = 0
    for piece in pieces {
      piece.withOwnMemory { memory in
        var bytes = memory
        while true {
          let before = bytes.count
          let event = decoder.next(&bytes).map(Seen.init)
          arrived += before - bytes.count
          expect(decoder.bufferedBytes <= 2 * arrived, "\(decoder.bufferedBytes) bytes held of \(arrived)")
          expect(decoder.bufferedBytes <= most, "\(decoder.bufferedBytes) bytes held, at most \(most)")
          guard let event else { break }
          expect(events.last?.isLast != true, "\(event) after the end")
          if event.isMessage { arrived = 0 }
          events.append(event)
        }
        expect(bytes.isEmpty, "\(bytes.count) bytes were left")
      }
      if events.last?.isLast == true { expect(decoder.bufferedBytes == 0, "something is held after the end") }
    }
    return events
  }
}

/// RFC 6455 section 5 over a whole stream at once, without any thought of speed.
private struct PlainDecoder {
  private struct Message {
    var opcode: Opcode
    var isCompressed: Bool
    var payload: [UInt8] = []
    var frames = 0
  }

  private let link: Link
  private var rest: ArraySlice<UInt8>
  private var events: [Seen] = []
  private var message: Message?

  static func events(of stream: [UInt8], _ link: Link) -> [Seen] {
    var decoder = PlainDecoder(link: link, rest: stream[...])
    while decoder.frame() {}
    return decoder.events
  }

  private init(link: Link, rest: ArraySlice<UInt8>) {
    self.link = link
    self.rest = rest
  }

  private mutating func fail(_ code: CloseCode) -> Bool {
    events.append(.violation(code.rawValue))
    return false
  }

  /// Reads one frame; false when there is no further one.
  private mutating func frame() -> Bool {
    guard let first = rest.popFirst() else { return false }
    let isCompressed = first & 0x40 != 0
    guard first & 0x30 == 0, let opcode = Opcode(rawValue: first & 15) else { return fail(.protocolError) }
    let isFinal = first & 0x80 != 0
    if isCompressed, !link.allowsCompression || opcode.isControl || opcode == .continuation {
      return fail(.protocolError)
    }
    if opcode.isControl, !isFinal { return fail(.protocolError) }

    guard let second = rest.popFirst() else { return false }
    if (second & 0x80 != 0) != link.isServer { return fail(.protocolError) }
    if opcode.isControl, second & 0x7F > 125 { return fail(.protocolError) }
    var length = UInt64(second & 0x7F)
    if length > 125 {
      let width = length == 126 ? 2 : 8
      guard rest.count >= width else { return false }
      length = rest.prefix(width).reduce(0) { $0 << 8 | UInt64($1) }
      rest = rest.dropFirst(width)
      if length > Int.max || length < (width == 2 ? 126 : 65536) { return fail(.protocolError) }
    }
    guard rest.count >= (link.isServer ? 4 : 0) else { return false }
    let key = Array(rest.prefix(link.isServer ? 4 : 0))
    rest = rest.dropFirst(key.count)

    if !opcode.isControl, let code = admit(opcode, Int(length), isCompressed) { return fail(code) }
    let isWhole = UInt64(rest.count) >= length
    let payload = rest.prefix(Int(length)).enumerated().map { key.isEmpty ? $1 : $1 ^ key[$0 % 4] }
    rest = rest.dropFirst(payload.count)
    if opcode.isControl { return isWhole && control(opcode, payload) }
    return data(payload, isWhole: isWhole, isLast: isWhole && isFinal)
  }

  private mutating func admit(_ opcode: Opcode, _ length: Int, _ isCompressed: Bool) -> CloseCode? {
    if (message == nil) == (opcode == .continuation) { return .protocolError }
    var current = message ?? Message(opcode: opcode, isCompressed: isCompressed)
    current.frames += 1
    message = current
    let most = link.limits.maxMessageSize + (current.isCompressed ? link.slack : 0)
    return length > most - current.payload.count || current.frames > link.limits.maxFragments ? .tooBig : nil
  }

  private mutating func control(_ opcode: Opcode, _ payload: [UInt8]) -> Bool {
    if opcode == .close, !payload.isEmpty {
      guard payload.count > 1, CloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1])).mayBeReceived else {
        return fail(.protocolError)
      }
      if String(validating: payload[2...], as: UTF8.self) == nil { return fail(.invalidPayload) }
    }
    events.append(.control(opcode, payload))
    return opcode != .close
  }

  private mutating func data(_ payload: [UInt8], isWhole: Bool, isLast: Bool) -> Bool {
    guard var current = message else { return false }
    current.payload += payload
    message = isLast ? nil : current
    if current.opcode == .text, !current.isCompressed, !Self.isText(current.payload, mayGoOn: !isLast) {
      return fail(.invalidPayload)
    }
    guard isLast else { return isWhole }
    switch (current.isCompressed, current.opcode) {
    case (true, let opcode): events.append(.compressed(opcode == .text ? .text : .binary, current.payload))
    case (false, .text): events.append(.text(current.payload))
    case (false, _): events.append(.binary(current.payload))
    }
    return true
  }

  /// Whether the bytes are UTF-8, or would be with some end behind them.
  static func isText(_ bytes: [UInt8], mayGoOn: Bool) -> Bool {
    // Any text that is cut inside a character is completed by one of these.
    let ends: [[UInt8]] = [[], [0x80], [0x80, 0x80], [0x80, 0x80, 0x80], [0xA0, 0x80], [0x90, 0x80, 0x80]]
    return ends.prefix(mayGoOn ? ends.count : 1).contains { String(validating: bytes + $0, as: UTF8.self) != nil }
  }
}

/// The stream itself as a text: masked and in frames it seldom is one.
private func checkText(_ stream: [UInt8], _ lengths: [UInt8]) {
  var validator = UTF8Validator()
  var end = 0
  for piece in stream.pieces(lengths) {
    end += piece.count
    let isValid = piece.withOwnMemory { validator.validate(UnsafeRawBufferPointer($0)) }
    let text = Array(stream[..<end])
    expect(isValid == PlainDecoder.isText(text, mayGoOn: true), "UTF-8 up to \(end): \(isValid)")
    guard isValid else { return }
    expect(validator.isComplete == PlainDecoder.isText(text, mayGoOn: false), "complete up to \(end)")
  }
}

/// Every phase and the alignments that words of 8 bytes have.
private func checkMasking(_ stream: [UInt8], _ key: UInt32) {
  let plain = Array(stream.prefix(80))
  let digits = (0..<4).map { UInt8(truncatingIfNeeded: key >> (8 * UInt32($0))) }
  for phase in [0, 1, 2, 3, Int(key & 0xFFFF)] {
    for offset in 0..<8 where offset <= plain.count {
      let expected = plain.enumerated().map { $0 < offset ? $1 : $1 ^ digits[($0 - offset + phase) % 4] }
      let masked = plain.withOwnMemory { memory in
        Masking.apply(key, to: UnsafeMutableRawBufferPointer(rebasing: memory[offset...]), phase: phase)
        return Array(memory)
      }
      expect(masked == expected, "masking from \(offset) at phase \(phase)")
    }
  }
}

/// Each kind of frame through the encoder and back, in both directions.
private func checkEncoding(_ payload: [UInt8], _ key: UInt32) {
  let text = Array(String(decoding: payload, as: UTF8.self).utf8)
  let short = Array(payload.prefix(Opcode.maxControlPayload))
  let code = CloseCode(rawValue: 3000 + UInt16(key & 0x3FF))
  let close = FrameEncoder.closePayload(code, reason: String(decoding: payload.prefix(200), as: UTF8.self))
  let cases: [(Opcode, [UInt8], Seen)] = [
    (.text, text, .text(text)), (.binary, payload, .binary(payload)), (.ping, short, .control(.ping, short)),
    (.pong, short, .control(.pong, short)), (.close, close, .control(.close, close)),
  ]
  let limits = FrameDecoder.Limits(maxMessageSize: 1 << 20, maxFragments: 1)
  for (opcode, payload, expected) in cases {
    let masked = payload.withUnsafeBytes { FrameEncoder.masked(opcode, payload: $0, key: key) }
    let frame = payload.withUnsafeBytes { wire(FrameEncoder.frame(opcode, payload: $0)) }
    for (bytes, isServer) in [(masked, true), (frame, false)] {
      let link = Link(isServer: isServer, allowsCompression: false, limits: limits)
      expect(link.decode([bytes]) == [expected], "\(opcode) of \(payload.count) bytes is decoded to something else")
    }
  }
  let compressed = payload.withUnsafeBytes { wire(FrameEncoder.compressed(.binary, payload: $0)) }
  let link = Link(isServer: false, allowsCompression: true, limits: limits)
  expect(link.decode([compressed]) == [.compressed(.binary, payload)], "compressed, decoded to something else")
}

/// A frame as it goes to the socket.
private func wire(_ frame: Frame) -> [UInt8] { frame.withHeader { Array($0) } + frame.withPayload { Array($0) } }
