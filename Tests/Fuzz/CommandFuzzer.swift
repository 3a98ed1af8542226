import JSON
import Model
import Protocol
import WebSocket

/// One message of a client through `CommandScanner`, `JSONScanner`, `JSONMembers` and `BinaryPublish`.
///
/// Input: the message, as it is.
///
/// Oracles: `JSONScanner` and `JSONMembers` agree with `PlainJSON`, written as plainly as possible, on what is valid, on
/// the members and on the text of strings; a command is what the members say; `data` lies inside, is valid JSON by itself,
/// and makes an event that is; every refusal makes a valid event, too; nothing depends on what was scanned before.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzCommand(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = FuzzInput(start, count: count)
  let message = input.remaining()
  message.withOwnMemory { memory in
    let bytes = UnsafeRawBufferPointer(memory)
    let value = PlainJSON.value(message)
    expect(JSONScanner.validate(bytes) == (value != nil), "valid: \(value != nil)")
    let members = value?.members ?? []
    checkMembers(JSONMembers(bytes), value, message)
    // Texts are checked to be UTF-8 before they are scanned; other bytes must only do no harm.
    if String(validating: message, as: UTF8.self) != nil {
      checkCommand(bytes, members, isObject: value?.isObject == true, message)
    } else {
      _ = CommandScanner.scan(bytes)
    }
    checkBinary(bytes, message)
  }
  return 0
}

// MARK: A second look

/// A value of RFC 8259, found by recursive descent.
private struct PlainJSON {
  typealias Member = (key: Range<Int>, value: Range<Int>)

  var isObject = false
  /// Of an object, those of the objects inside left out.
  var members: [Member] = []

  /// What the whole text is; nil when it is no JSON, or deeper than 64 levels.
  static func value(_ text: [UInt8]) -> PlainJSON? {
    var parser = Parser(text: text)
    parser.space()
    guard let value = parser.value(64) else { return nil }
    parser.space()
    return parser.position == text.count ? value : nil
  }

  /// The text that a string in quotes stands for; nil for a half of a surrogate pair.
  static func decoded(_ token: ArraySlice<UInt8>) -> String? {
    var units: [UInt16] = []
    var rest = token.dropFirst().dropLast()
    while let first = rest.first {
      guard first == UInt8(ascii: "\\") else {
        let plain = rest.prefix { $0 != UInt8(ascii: "\\") }
        units += Array(String(decoding: plain, as: UTF8.self).utf16)
        rest = rest.dropFirst(plain.count)
        continue
      }
      let letter = Character(Unicode.Scalar(rest.dropFirst().first ?? 0))
      rest = rest.dropFirst(2)
      switch letter {
      case "u":
        units.append(UInt16(String(decoding: rest.prefix(4), as: UTF8.self), radix: 16) ?? 0)
        rest = rest.dropFirst(4)
      case "b": units.append(8)
      case "t": units.append(9)
      case "n": units.append(10)
      case "f": units.append(12)
      case "r": units.append(13)
      default: units += Array(String(letter).utf16)
      }
    }
    return String(validating: units, as: UTF16.self)
  }

  private struct Parser {
    let text: [UInt8]
    var position = 0

    mutating func space() {
      while position < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[position]) { position += 1 }
    }

    mutating func take(_ word: String) -> Bool {
      guard text[position...].starts(with: word.utf8) else { return false }
      position += word.utf8.count
      return true
    }

    mutating func value(_ levels: Int) -> PlainJSON? {
      if take("{") { return levels > 0 ? object(levels - 1) : nil }
      if take("[") { return levels > 0 && array(levels - 1) ? PlainJSON() : nil }
      if take("\"") { return string() ? PlainJSON() : nil }
      return take("true") || take("false") || take("null") || number() ? PlainJSON() : nil
    }

    mutating func object(_ levels: Int) -> PlainJSON? {
      var object = PlainJSON(isObject: true)
      space()
      if take("}") { return object }
      repeat {
        space()
        let start = position
        guard take("\""), string() else { return nil }
        let key = start..<position
        space()
        guard take(":") else { return nil }
        space()
        let valueStart = position
        guard value(levels) != nil else { return nil }
        object.members.append((key, valueStart..<position))
        space()
      } while take(",")
      return take("}") ? object : nil
    }

    mutating func array(_ levels: Int) -> Bool {
      space()
      if take("]") { return true }
      repeat {
        space()
        guard value(levels) != nil else { return false }
        space()
      } while take(",")
      return take("]")
    }

    /// The rest of a string.
    mutating func string() -> Bool {
      while position < text.count {
        if take("\"") { return true }
        if take("\\u") {
          guard text.count - position >= 4, text[position..<position + 4].allSatisfy(Self.isHex) else { return false }
          position += 4
        } else if take("\\") {
          guard position < text.count, "\"\\/bfnrt".utf8.contains(text[position]) else { return false }
          position += 1
        } else {
          guard text[position] >= 0x20 else { return false }
          position += 1
        }
      }
      return false
    }

    private static func isHex(_ byte: UInt8) -> Bool { Character(Unicode.Scalar(byte)).isHexDigit }

    mutating func digits() -> Bool {
      let start = position
      while position < text.count, (0x30...0x39).contains(text[position]) { position += 1 }
      return position > start
    }

    mutating func number() -> Bool {
      _ = take("-")
      guard take("0") || digits() else { return false }
      if take("."), !digits() { return false }
      guard take("e") || take("E") else { return true }
      _ = take("+") || take("-")
      return digits()
    }
  }
}

// MARK: Oracles

private func checkMembers(_ found: JSONMembers?, _ value: PlainJSON?, _ message: [UInt8]) {
  if value?.isObject == true { expect(found != nil, "an object is none") }
  guard var found else { return }
  guard let value, value.isObject else {
    var step = found.next()
    while case .member = step { step = found.next() }
    guard case .malformed = step else { return expect(false, "an object that is none") }
    return
  }
  for member in value.members {
    guard case .member(let key, let range) = found.next() else { return expect(false, "a member is missing") }
    expect(key == member.key && range.range == member.value, "\(key): \(range.range) instead of \(member)")
    let text = PlainJSON.decoded(message[key])
    if String(validating: message[key], as: UTF8.self) != nil {
      expect(found.scanner.string(key).map { Array($0.utf8) } == text.map { Array($0.utf8) }, "another key")
    }
  }
  guard case .end = found.next() else { return expect(false, "members without an end") }
}

private func checkCommand(
  _ bytes: UnsafeRawBufferPointer, _ members: [PlainJSON.Member], isObject: Bool, _ message: [UInt8]
) {
  let result = CommandScanner.scan(bytes)
  expect(CommandScanner.scan(bytes) == result, "not the same twice")
  func raw(_ name: String) -> [ArraySlice<UInt8>] {
    members.filter { PlainJSON.decoded(message[$0.key]) == name }.map { message[$0.value] }
  }
  func text(_ name: String) -> String? { raw(name).first.flatMap { $0.first == 0x22 ? PlainJSON.decoded($0) : nil } }

  switch result {
  case .failure(let refusal):
    checkEvent(ApusCodec.frame(of: .error(refusal)).withPayload { Array($0) })
    if isObject, let id = refusal.id { expect(raw("id").map(Array.init) == [Array(id.json.utf8)], "another id") }
  case .success(.jsonRPC): expect(RPCScanner.scan(bytes) != nil, "no JSON-RPC")
  case .success(let command):
    expect(isObject, "a command that is no object")
    for name in ["type", "id", "channel", "data", "presence", "info", "echo", "only", "to"] {
      expect(raw(name).count <= 1, "\(name) is there more than once")
    }
    expect(raw("id").map(Array.init) == (command.id.map { [Array($0.json.utf8)] } ?? []), "another id")
    var types = [text("type") ?? ""]
    switch command {
    case .ping: expect(types == ["ping"], "\(types) is a ping")
    case .jsonRPC: return
    case .request(let request):
      types.removeAll { $0 == "request" }
      expect(text("method") == request.method, "another method")
    case .signal(let signal):
      types.removeAll { $0 == "signal" }
      checkName(signal.channel, text("channel"))
      expect(text("event") == signal.event, "another event")
    case .send(let send):
      types.removeAll { $0 == "send" }
      expect(Array(send.user.string.utf8) == text("to").map { Array($0.utf8) }, "another user")
      expect((1...UserName.maxLength).contains(send.user.string.utf8.count), "no user's name")
      let data = UnsafeRawBufferPointer(rebasing: bytes[send.data])
      expect(raw("data").first.map(Array.init) == Array(data), "another data")
      let event = DirectEvent.direct(from: send.user, client: ClientID("c-1"), data: Array(data))
      checkEvent(Interchange.direct(event, timestamp: 1).withBytes { Array($0) })
    case .history(let channel, _, let limit, _):
      types.removeAll { $0 == "history" }
      checkName(channel, text("channel"))
      expect((1...HistoryLimit.most).contains(limit), "a limit of \(limit)")
    case .auth(let token, _):
      types.removeAll { $0 == "auth" }
      expect(text("token") == token, "another token")
    case .subscribe(let subscribe):
      types.removeAll { $0 == "subscribe" }
      checkName(subscribe.channel, text("channel"))
      expect(subscribe.info.map { Array($0.utf8) } == raw("info").first.map(Array.init), "another info")
      expect(subscribe.info.map { $0.utf8.count <= MemberConnection.maxInfoLength } ?? true, "a long info")
    case .unsubscribe(let channel, _):
      types.removeAll { $0 == "unsubscribe" }
      checkName(channel, text("channel"))
    case .presence(let channel, let onlyCount, _):
      types.removeAll { $0 == "presence" }
      checkName(channel, text("channel"))
      expect(onlyCount == (text("only") == "count"), "only is something else")
    case .publish(let publish):
      types.removeAll { $0 == "publish" || $0 == "message" }
      checkName(publish.channel, text("channel"))
      expect(publish.echo == (raw("echo").first.map(Array.init) != Array("false".utf8)), "echo is something else")
      expect(0 <= publish.data.lowerBound && publish.data.upperBound <= bytes.count, "data is at \(publish.data)")
      let data = UnsafeRawBufferPointer(rebasing: bytes[publish.data])
      expect(raw("data").first.map(Array.init) == Array(data), "another data")
      expect(JSONScanner.validate(data), "data is not valid JSON")
      checkEvent(
        Interchange.message(channel: publish.channel, from: nil, client: ClientID("c-1"), data: data, timestamp: 1)
          .withBytes { Array($0) })
    }
    if case .ping = command { return }
    expect(types.isEmpty, "\(types) is \(command)")
  }
}

private func checkName(_ channel: ChannelName, _ text: String?) {
  expect(Array(channel.string.utf8) == text.map { Array($0.utf8) }, "\(channel) instead of \(text ?? "none")")
  expect((1...ChannelName.maxLength).contains(channel.string.utf8.count), "a name that is too long: \(channel)")
}

/// What clients get is JSON, one level deeper than `data` at most.
private func checkEvent(_ text: [UInt8]) {
  expect(PlainJSON.value(text)?.isObject == true, "no event: \(String(decoding: text, as: UTF8.self))")
}

private func checkBinary(_ bytes: UnsafeRawBufferPointer, _ message: [UInt8]) {
  guard case .success(let channel) = BinaryPublish.channel(of: bytes) else { return }
  let name = Array(channel.string.utf8)
  expect(message.starts(with: [1, 0, UInt8(name.count)] + name), "another name than \(channel)")
}
