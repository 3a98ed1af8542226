import Broker
import JSON
import Model

/// What comes from Redis: `BrokerPayload` before a message, `ControlPayload` on a control channel, `PresenceEntry` in a
/// channel's hash.
///
/// Input: 1 byte (0 mod 3 a payload of either kind, 1 a payload made of the bytes, 2 an entry), and the rest.
///
/// Oracles: nothing traps; whatever is accepted is encoded to what is read as the same again, and a header to the very
/// bytes it was; the text behind a header is all the rest; what `appendHeader` writes is accepted.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzBrokerPayload(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = FuzzInput(start, count: count)
  switch input.byte() % 3 {
  case 0:
    let bytes = input.remaining()
    checkParsing(bytes)
    checkControl(bytes)
  case 1: checkEncoding(&input)
  default: checkEntry(input.remaining())
  }
  return 0
}

private func parse(_ bytes: [UInt8]) -> (payload: BrokerPayload, text: Range<Int>)? {
  bytes.withOwnMemory { BrokerPayload.parse(UnsafeRawBufferPointer($0)) }
}

private func header(_ payload: BrokerPayload) -> [UInt8] {
  var writer = ByteWriter()
  payload.appendHeader(to: &writer)
  return writer.bytes
}

private func checkParsing(_ bytes: [UInt8]) {
  guard let (payload, text) = parse(bytes) else { return }
  expect(!text.isEmpty && text.upperBound == bytes.count, "the text is \(text) of \(bytes.count)")
  expect(header(payload) == Array(bytes[..<text.lowerBound]), "\(payload) is not what was read")
  expect((payload.epoch == nil) == (payload.offset == nil), "an epoch without an offset, or the reverse")
  expect(
    payload.offset.map { ($0 == 0) == (payload.kind == .cleared) && $0 >= 0 } ?? (payload.kind != .cleared),
    "the offset is \(String(describing: payload.offset))")
}

/// What is accepted of a control channel is what nodes write there, and an event that clients may get as it is.
private func checkControl(_ bytes: [UInt8]) {
  let limit = 200
  guard let payload = bytes.withOwnMemory({ ControlPayload.parse(UnsafeRawBufferPointer($0), maxMessageSize: limit) })
  else { return }
  guard case .event(let addressee, let number, let text) = payload else { return }
  var writer = ByteWriter()
  ControlPayload.appendHeader(addressee, number: number, to: &writer)
  expect(writer.bytes == Array(bytes[..<text.lowerBound]), "\(addressee) is not what was read")
  expect(text.upperBound == bytes.count && text.count <= limit + ControlPayload.maxEnvelope, "the event is \(text)")
  let event = Array(bytes[text])
  expect(String(validating: event, as: UTF8.self) != nil, "an event that is not UTF-8")
  expect(event.withUnsafeBytes(JSONScanner.validate), "an event that is not JSON")
  let type = JSONObject(String(decoding: event, as: UTF8.self))?.string("type")
  expect(type == "notification" || type == "direct" && addressee != .everybody, "an event of type \(type ?? "none")")
}

private func checkEncoding(_ input: inout FuzzInput) {
  let flags = input.byte()
  var payload = BrokerPayload(BrokerPayload.Kind.allCases[Int(flags >> 2) % BrokerPayload.Kind.allCases.count])
  if payload.kind == .cleared {
    payload.epoch = token(&input)
    payload.offset = 0
  } else if flags & 1 != 0 {
    payload.epoch = token(&input)
    payload.offset = max(Int(truncatingIfNeeded: input.number(UInt64.self) >> (input.byte() % 64)), 1)
  }
  if flags & 2 != 0 { payload.excluded = ClientID(token(&input)) }
  let text = [0x7B] + input.remaining()
  let encoded = header(payload)
  guard let (parsed, range) = parse(encoded + text) else { return expect(false, "\(payload) is not accepted") }
  expect(parsed == payload && range == encoded.count..<encoded.count + text.count, "\(payload) becomes \(parsed)")
  expect(parse(encoded) == nil, "a header with nothing behind it")
}

/// A text that may stand in a header: letters, digits, `-`, `_` and `.`, and not `-` alone.
private func token(_ input: inout FuzzInput) -> String {
  let allowed = Array("-_.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
  let count = Int(input.byte()) % BrokerPayload.maxTokenLength + 1
  let token = String(decoding: (0..<count).map { _ in allowed[Int(input.byte()) % allowed.count] }, as: UTF8.self)
  return token == "-" ? "0" : token
}

private func entry(_ bytes: [UInt8]) -> PresenceEntry? {
  bytes.withOwnMemory { PresenceEntry(parsing: UnsafeRawBufferPointer($0)) }
}

private func checkEntry(_ bytes: [UInt8]) {
  guard let parsed = entry(bytes) else { return }
  expect(String(validating: bytes, as: UTF8.self) != nil, "an entry that is not UTF-8")
  let encoded = parsed.encoded()
  expect(encoded.withUnsafeBytes(JSONScanner.validate), "an entry is encoded to what is not JSON")
  expect(entry(encoded) == parsed, "\(parsed) becomes \(String(describing: entry(encoded)))")
  expect(parsed.info.map { info in Array(info.utf8).withUnsafeBytes(JSONScanner.validate) } ?? true, "info is not JSON")
  expect(parsed.user.map { (1...UserName.maxLength).contains($0.string.utf8.count) } ?? true, "no user's name")
}
