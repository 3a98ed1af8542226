/// Takes a byte stream apart into messages and control frames: RFC 6455 section 5.
///
/// One per connection. It holds heap memory only while a message or a control frame has arrived in part, and never
/// more than twice what has arrived, whatever a header promises. After a violation, and after a close frame, it
/// swallows all that follows (RFC 6455 sections 7.1.7 and 5.5.1).
package struct FrameDecoder: ~Copyable {
  /// Which end of the connection decodes: clients mask what they send, servers do not.
  package enum Role: Sendable {
    case server
    case client
  }

  /// What a message may cost; beyond it is a violation, 1009.
  package struct Limits: Sendable {
    /// The longest message, in bytes of payload over all its frames; of a compressed one what it may inflate to.
    package var maxMessageSize: Int
    /// The most frames one message may consist of, empty ones counted too.
    package var maxFragments: Int

    package init(maxMessageSize: Int, maxFragments: Int) {
      self.maxMessageSize = maxMessageSize
      self.maxFragments = maxFragments
    }
  }

  private enum Stage {
    case header
    case payload
    case finished
  }

  // In an order that leaves few gaps: there is one of these per connection.
  private let limits: Limits
  private var partialHeader = PartialHeader()
  /// The frame whose payload is being read.
  private var frame = FrameHeader(length: 0, key: 0, opcode: .continuation, isFinal: true, isCompressed: false)
  private let role: Role
  /// Whether permessage-deflate was agreed on.
  private var mayBeCompressed = false
  private var stage = Stage.header
  /// The kind of the message under way, nil between messages.
  private var kind: MessageKind?
  /// Whether that message is compressed.
  private var isCompressed = false
  /// Takes text only, and every text that is lent leaves it as new.
  private var validator = UTF8Validator()
  /// Whether the last event lent bytes of `buffer` that are not wanted beyond it.
  private var isLending = false
  /// Bytes of the frame's payload that were read.
  private var received = 0
  /// Data frames of the message under way.
  private var fragments = 0
  /// The message's first `gathered` bytes, and behind them a control frame that is there in part.
  private var buffer: GatherBuffer?
  private var gathered = 0

  /// A decoder at the beginning of a stream, the handshake being over.
  package init(role: Role, limits: Limits) {
    self.role = role
    self.limits = limits
  }

  /// Lets compressed messages pass from here on: permessage-deflate was agreed on.
  package mutating func allowCompression() {
    mayBeCompressed = true
  }

  /// Bytes held on the heap: 0 unless a message or a control frame is there in part, or was lent by the last call.
  package var bufferedBytes: Int { buffer?.size ?? 0 }

  /// Takes the next event off the front of `bytes`, advancing them; nil when all were consumed and more are needed.
  ///
  /// Unmasks in place. A message that lies in `bytes` as one frame is lent from there, without a copy; one in parts
  /// is gathered and lent from the decoder's own buffer. Either is valid until the next call.
  package mutating func next(_ bytes: inout UnsafeMutableRawBufferPointer) -> FrameEvent? {
    if isLending { endLending() }
    while true {
      switch stage {
      case .header:
        switch readHeader(&bytes) {
        case .incomplete: return nil
        case .violation(let reason): return fail(.protocolError, reason)
        case .header(let header, _):
          if let violation = begin(header) { return violation }
        }
      case .payload:
        if let event = readPayload(&bytes) { return event }
        // Still there: the payload is not complete, and `bytes` are used up.
        if case .payload = stage { return nil }
      case .finished:
        bytes.removeFirst(bytes.count)
        return nil
      }
    }
  }

  // MARK: Header

  private mutating func readHeader(_ bytes: inout UnsafeMutableRawBufferPointer) -> FrameHeader.Parsed {
    let rules = FrameHeader.Rules(masked: role == .server, mayBeCompressed: mayBeCompressed)
    if partialHeader.isEmpty {
      let parsed = FrameHeader.parse(UnsafeRawBufferPointer(bytes), rules)
      if case .header(_, let count) = parsed { bytes.removeFirst(count) }
      guard case .incomplete = parsed else { return parsed }
    }
    while let byte = bytes.first {
      bytes.removeFirst(1)
      partialHeader.append(byte)
      let parsed = partialHeader.parse(rules)
      guard case .incomplete = parsed else {
        partialHeader = PartialHeader()
        return parsed
      }
    }
    return .incomplete
  }

  /// Admits a frame by its header and the message under way, before any of its payload is looked at.
  private mutating func begin(_ header: FrameHeader) -> FrameEvent? {
    switch header.opcode {
    case .close, .ping, .pong: break
    case .continuation:
      guard kind != nil else { return fail(.protocolError, "continuation without a message") }
    case .text, .binary:
      guard kind == nil else { return fail(.protocolError, "new message inside a message") }
      kind = header.opcode == .text ? .text : .binary
      isCompressed = header.isCompressed
      fragments = 0
    }
    if !header.opcode.isControl {
      // What is gathered is within the limit, so the difference cannot overflow.
      guard header.length <= maxPayload - gathered else { return fail(.tooBig, "message is too big") }
      fragments += 1
      guard fragments <= limits.maxFragments else { return fail(.tooBig, "message has too many fragments") }
    }
    frame = header
    received = 0
    stage = .payload
    return nil
  }

  /// The most payload of the message under way. What does not let itself be compressed becomes longer by it: a twenty-fifth
  /// at most by zlib's worst setting. What it inflates to is limited exactly.
  private var maxPayload: Int {
    isCompressed ? limits.maxMessageSize + limits.maxMessageSize / 16 + 64 : limits.maxMessageSize
  }

  // MARK: Payload

  /// Reads what is there of the frame's payload; nil when it makes no event (yet).
  private mutating func readPayload(_ bytes: inout UnsafeMutableRawBufferPointer) -> FrameEvent? {
    let count = min(frame.length - received, bytes.count)
    let masked = UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])
    bytes.removeFirst(count)
    Masking.apply(frame.key, to: masked, phase: received)
    received += count
    let chunk = UnsafeRawBufferPointer(masked)
    return frame.opcode.isControl ? readControl(chunk) : readData(chunk)
  }

  private mutating func readControl(_ chunk: UnsafeRawBufferPointer) -> FrameEvent? {
    var payload = chunk
    if chunk.count < frame.length {
      gather(chunk)
      guard received == frame.length, let buffer else { return nil }
      payload = buffer.bytes(from: gathered)
      isLending = true
    }
    stage = .header
    switch frame.opcode {
    case .ping: return .ping(payload)
    case .pong: return .pong(payload)
    case .close: return close(payload)
    case .continuation, .text, .binary: preconditionFailure("not a control frame")
    }
  }

  private mutating func readData(_ chunk: UnsafeRawBufferPointer) -> FrameEvent? {
    if kind == .text, !isCompressed, !validator.validate(chunk) {
      return fail(.invalidPayload, "text is not valid UTF-8")
    }
    let isWhole = received == frame.length
    let isLast = isWhole && frame.isFinal
    let canLend = isLast && gathered == 0 && chunk.count == frame.length
    if !canLend {
      gather(chunk)
      gathered += chunk.count
    }
    if isWhole { stage = .header }
    guard isLast, let kind else { return nil }
    guard validator.isComplete else { return fail(.invalidPayload, "text ends inside a character") }
    var message = chunk
    if !canLend, let buffer {
      message = buffer.bytes(from: 0)
      gathered = 0
      isLending = true
    }
    self.kind = nil
    if isCompressed { return .compressed(kind, message) }
    switch kind {
    case .text: return .text(message)
    case .binary: return .binary(message)
    }
  }

  /// A close frame's payload: nothing, or a code and a reason (RFC 6455 section 5.5.1).
  private mutating func close(_ payload: UnsafeRawBufferPointer) -> FrameEvent? {
    guard payload.count > 0 else { return finish(.close(nil, payload)) }
    guard payload.count >= 2 else { return fail(.protocolError, "close frame of one byte") }
    let code = CloseCode(rawValue: UInt16(bigEndian: payload.loadUnaligned(as: UInt16.self)))
    guard code.mayBeReceived else { return fail(.protocolError, "close code is not allowed") }
    let reason = UnsafeRawBufferPointer(rebasing: payload[2...])
    guard UTF8Validator.isValid(reason) else {
      return fail(.invalidPayload, "close reason is not valid UTF-8")
    }
    return finish(.close(code, reason))
  }

  // MARK: Memory

  /// Keeps `chunk`. The buffer grows by what has arrived: to double, but in a message's last frame no further than its end.
  private mutating func gather(_ chunk: UnsafeRawBufferPointer) {
    guard !chunk.isEmpty else { return }
    let arrived = (buffer?.count ?? 0) + chunk.count
    if arrived > bufferedBytes {
      let isLast = frame.isFinal && !frame.opcode.isControl
      let toCome = isLast ? min(frame.length - received, arrived) : arrived
      let larger = GatherBuffer.make(size: arrived + toCome)
      if let buffer { larger.append(buffer.bytes(from: 0)) }
      buffer = larger
    }
    buffer?.append(chunk)
  }

  private mutating func endLending() {
    isLending = false
    if gathered == 0 {
      buffer = nil
    } else {
      buffer?.truncate(to: gathered)
    }
  }

  private mutating func fail(_ code: CloseCode, _ reason: StaticString) -> FrameEvent {
    finish(.violation(code, reason))
  }

  /// The last event: what is held is let go at the next call, as `event` may lend a part of it.
  private mutating func finish(_ event: FrameEvent) -> FrameEvent {
    stage = .finished
    gathered = 0
    isLending = true
    return event
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Leaves what is behind the first `count` bytes.
  fileprivate mutating func removeFirst(_ count: Int) {
    self = UnsafeMutableRawBufferPointer(rebasing: self[count...])
  }
}
