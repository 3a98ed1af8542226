import WebSocket

/// The payloads of permessage-deflate through `Inflater` and `Deflater`.
///
/// Input: 1 byte (0 to 2 mod 4 a message to inflate, 3 one to deflate first), 2 bytes half the limit, 1 byte length of an
/// earlier message, this and the message.
///
/// Oracles: never more comes out than the limit; a message has the same outcome twice, alone and after another one, be
/// that corrupt or too big; a greater limit changes nothing but `tooBig`; what was deflated, with every window, inflates
/// to what it was, and is too big for a limit one byte below that.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzInflate(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = FuzzInput(start, count: count)
  let isPlain = input.byte() % 4 == 3
  let limit = Int(input.number(UInt16.self)) * 2
  let earlier = input.bytes(Int(input.byte()))
  let message = input.remaining()

  if isPlain {
    checkRoundTrip(message, after: earlier)
  } else {
    checkInflating(message, after: earlier, limit: limit)
  }
  return 0
}

/// One for the whole run, so that whatever a message leaves behind meets all that come later.
nonisolated(unsafe) private let old = Inflater()
nonisolated(unsafe) private let deflaters = (9...15).map { Deflater(windowBits: $0) }

private enum Seen: Equatable {
  case message([UInt8])
  case tooBig
  case corrupt
}

private func inflate(_ message: [UInt8], limit: Int, with inflater: Inflater) -> Seen {
  let seen: Seen = message.withOwnMemory { memory in
    switch inflater.inflate(UnsafeRawBufferPointer(memory), limit: limit) {
    case .message(let bytes): .message(Array(bytes))
    case .tooBig: .tooBig
    case .corrupt: .corrupt
    }
  }
  if case .message(let bytes) = seen { expect(bytes.count <= limit, "\(bytes.count) bytes, the limit is \(limit)") }
  return seen
}

private func checkInflating(_ message: [UInt8], after earlier: [UInt8], limit: Int) {
  let fresh = Inflater()
  let expected = inflate(message, limit: limit, with: fresh)
  expect(inflate(message, limit: limit, with: fresh) == expected, "not the same twice")
  _ = inflate(earlier, limit: limit / 2, with: old)
  expect(inflate(message, limit: limit, with: old) == expected, "an earlier message changes the outcome")
  let generous = inflate(message, limit: 1 << 20, with: old)
  switch expected {
  case .message, .corrupt: expect(generous == expected, "a greater limit changes the outcome")
  case .tooBig:
    if case .message(let bytes) = generous { expect(bytes.count > limit, "\(bytes.count) bytes are not too big") }
  }
}

private func checkRoundTrip(_ message: [UInt8], after earlier: [UInt8]) {
  for deflater in deflaters {
    _ = earlier.withUnsafeBytes { deflater.deflate($0) { $0.count } }
    let deflated = message.withOwnMemory { deflater.deflate(UnsafeRawBufferPointer($0)) { Array($0) } }
    let again = message.withOwnMemory { deflater.deflate(UnsafeRawBufferPointer($0)) { Array($0) } }
    expect(deflated == again, "not the same twice")
    expect(deflated.count <= message.count + message.count / 256 + 64, "\(deflated.count) bytes for \(message.count)")
    _ = inflate(earlier, limit: 1 << 16, with: old)
    expect(inflate(deflated, limit: message.count, with: old) == .message(message), "not what it was")
    if !message.isEmpty {
      expect(inflate(deflated, limit: message.count - 1, with: old) == .tooBig, "more than the limit came out")
    }
  }
}
