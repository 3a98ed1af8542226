import JSON
import Model

/// Makes a command of an envelope: checks each member the command's type has a use for.
struct CommandReader {
  /// The longest `id` that is a string, in bytes of UTF-8 after decoding.
  static let maxIDLength = 64

  private let scanner: JSONScanner
  private let envelope: Envelope
  /// Whether refusals say what may have been meant.
  private let hints: Bool
  /// What to answer to: nil when the command has no `id`, two, or one that breaks the rules.
  let id: RequestID?

  init(scanner: JSONScanner, envelope: Envelope, hints: Bool) {
    self.scanner = scanner
    self.envelope = envelope
    self.hints = hints
    id = envelope.duplicate == .id ? nil : envelope.id.flatMap { Self.requestID($0, in: scanner) }
  }

  /// The command: doubled members are judged first, then its `id`, then its type, then what the type asks for.
  func read() -> Result<Command, Refusal> {
    Result { () throws(Refusal) in try command() }
  }

  private func command() throws(Refusal) -> Command {
    if let duplicate = envelope.duplicate {
      throw badRequest("The member \(duplicate.rawValue) must not occur twice.")
    }
    if envelope.id != nil, id == nil {
      throw badRequest("The member id must be a string of at most \(Self.maxIDLength) bytes or a 64-bit integer.")
    }
    switch try type() {
    case .subscribe:
      return .subscribe(
        SubscribeCommand(
          channel: try channel(), id: id, presence: try presenceMode(), info: try info(), since: try since()))
    case .unsubscribe: return .unsubscribe(channel: try channel(), id: id)
    case .publish:
      return .publish(
        PublishCommand(channel: try channel(), id: id, data: try data(), echo: try echo(), key: try key()))
    case .signal:
      return .signal(
        SignalCommand(channel: try channel(), id: id, event: try event(), data: envelope.data?.range))
    case .history: return .history(channel: try channel(), since: try since(), limit: try limit(), id: id)
    case .presence: return .presence(channel: try channel(), onlyCount: try onlyCount(), id: id)
    case .send: return .send(SendCommand(to: try addressee(), id: id, data: try data()))
    case .request: return .request(RequestCommand(id: id, method: try method(), params: envelope.params?.range))
    case .ping: return .ping(id: id)
    case .auth: return .auth(token: try token(), id: id)
    case .jsonRPC, .binary, .invalid: throw unknownType(envelope.type)
    }
  }

  private static func requestID(_ value: JSONValue, in scanner: JSONScanner) -> RequestID? {
    switch value.kind {
    case .string:
      guard scanner.withString(value.range, { $0.count <= maxIDLength }) == true else { return nil }
      return RequestID(json: scanner.text(value.range))
    case .number:
      let text = scanner.text(value.range)
      return Int64(text) == nil ? nil : RequestID(json: text)
    case .object, .array, .true, .false, .null: return nil
    }
  }

  private func type() throws(Refusal) -> Command.Kind {
    guard let value = envelope.type else {
      throw missing(.type, otherwise: "The member type is missing. A command looks like \(CommandHint.example).")
    }
    guard value.kind == .string else { throw badRequest("The member type must be a string.") }
    if let type = scanner.withString(value.range, Command.Kind.init(type:)) { return type }
    throw unknownType(value)
  }

  private func unknownType(_ value: JSONValue?) -> Refusal {
    let word = value.flatMap { scanner.string($0.range) } ?? ""
    let sentence = "There is no command of type \"\(Self.head(of: word, maxLength: 64))\"."
    let hint = hints ? CommandHint.type(for: word).map { " \($0)" } ?? "" : ""
    return Refusal(id: id, .unknownType, sentence + hint)
  }

  private func channel() throws(Refusal) -> ChannelName {
    let rule = "The member channel must be a string."
    guard let value = envelope.channel else { throw missing(.channel, otherwise: rule) }
    guard value.kind == .string else { throw badRequest(rule) }
    guard let name = scanner.string(value.range).flatMap(ChannelName.init) else {
      throw Refusal(id: id, .invalidChannel, ChannelName.rule)
    }
    return name
  }

  private func token() throws(Refusal) -> String {
    let rule = "The member token must be a string."
    guard let value = envelope.token else { throw missing(.token, otherwise: rule) }
    guard value.kind == .string, let token = scanner.string(value.range) else { throw badRequest(rule) }
    return token
  }

  private func addressee() throws(Refusal) -> UserName {
    let rule = "The member to must be a user name: 1 to \(UserName.maxLength) bytes without control characters."
    guard let value = envelope.to else {
      throw missing(.to, otherwise: envelope.channel == nil ? rule : "\(rule) Did you mean publish?")
    }
    guard value.kind == .string, let user = scanner.string(value.range).flatMap(UserName.init) else {
      throw badRequest(rule)
    }
    return user
  }

  private func data() throws(Refusal) -> Range<Int> {
    guard let value = envelope.data else { throw missing(.data, otherwise: "The member data is missing.") }
    return value.range
  }

  private func echo() throws(Refusal) -> Bool {
    guard let value = envelope.echo else { return true }
    switch value.kind {
    case .true: return true
    case .false: return false
    case .object, .array, .string, .number, .null: throw badRequest("The member echo must be true or false.")
    }
  }

  private func presenceMode() throws(Refusal) -> PresenceMode {
    guard let value = envelope.presence else { return .none }
    switch value.kind {
    case .true: return .member
    case .false: return .none
    case .string where scanner.string(value.range, is: "watch"): return .watch
    case .object, .array, .string, .number, .null:
      throw badRequest("The member presence must be true, false or \"watch\".")
    }
  }

  private func info() throws(Refusal) -> String? {
    guard let value = envelope.info else { return nil }
    guard value.range.count <= MemberConnection.maxInfoLength else {
      throw Refusal(
        id: id, .tooLarge, "The member info must not be longer than \(MemberConnection.maxInfoLength) bytes.")
    }
    return scanner.text(value.range)
  }

  private func since() throws(Refusal) -> Since? {
    guard let value = envelope.since else { return nil }
    let message = "The member since must be {\"epoch\":…,\"offset\":…} or milliseconds since 1970."
    switch value.kind {
    case .number:
      guard let time = Int64(scanner.text(value.range)), time >= 0 else { throw badRequest(message) }
      return .time(time)
    case .object:
      guard let position = JSONObject(scanner.text(value.range)), position.isUnambiguous,
        let epoch = position.string("epoch"), let offset = position.integer("offset"), offset >= 0
      else { throw badRequest(message) }
      return .position(StreamPosition(epoch: epoch, offset: offset))
    case .array, .string, .true, .false, .null: throw badRequest(message)
    }
  }

  private func key() throws(Refusal) -> String? {
    guard let value = envelope.key else { return nil }
    guard value.kind == .string, let key = scanner.string(value.range), !key.isEmpty else {
      throw badRequest("The member key must be a non-empty string.")
    }
    guard key.utf8.count <= PublishCommand.maxKeyLength else {
      throw Refusal(
        id: id, .tooLarge, "The member key must not be longer than \(PublishCommand.maxKeyLength) bytes.")
    }
    return key
  }

  private func event() throws(Refusal) -> String {
    let rule = "The member event must be a non-empty string."
    guard let value = envelope.event else { throw missing(.event, otherwise: rule) }
    guard value.kind == .string, let event = scanner.string(value.range), !event.isEmpty else { throw badRequest(rule) }
    guard event.utf8.count <= SignalCommand.maxEventLength else {
      throw Refusal(
        id: id, .tooLarge, "The member event must not be longer than \(SignalCommand.maxEventLength) bytes.")
    }
    return event
  }

  private func method() throws(Refusal) -> String {
    let rule = "The member method must be a non-empty string."
    guard let value = envelope.method else { throw missing(.method, otherwise: rule) }
    guard value.kind == .string, let method = scanner.string(value.range), !method.isEmpty else {
      throw badRequest(rule)
    }
    guard method.utf8.count <= RequestCommand.maxMethodLength else {
      throw Refusal(
        id: id, .tooLarge, "The member method must not be longer than \(RequestCommand.maxMethodLength) bytes.")
    }
    return method
  }

  /// At most `HistoryLimit.most`, also where more is asked for.
  private func limit() throws(Refusal) -> Int {
    guard let value = envelope.limit else { return HistoryLimit.most }
    guard value.kind == .number, let limit = Int(scanner.text(value.range)), limit >= 1 else {
      throw badRequest("The member limit must be a whole number of at least 1.")
    }
    return min(limit, HistoryLimit.most)
  }

  private func onlyCount() throws(Refusal) -> Bool {
    guard let value = envelope.only else { return false }
    guard value.kind == .string, scanner.string(value.range, is: "count") else {
      throw badRequest("The member only must be \"count\".")
    }
    return true
  }

  /// Refuses a command without a member that it needs.
  private func missing(_ member: Envelope.Key, otherwise sentence: String) -> Refusal {
    badRequest((hints ? CommandHint.member(member, in: scanner) : nil) ?? sentence)
  }

  private func badRequest(_ message: String) -> Refusal {
    Refusal(id: id, .badRequest, message)
  }

  /// As many whole characters (Unicode scalars) of `text` as fit into `maxLength` bytes.
  private static func head(of text: String, maxLength: Int) -> String {
    var head = ""
    for scalar in text.unicodeScalars {
      guard head.utf8.count + UTF8.width(scalar) <= maxLength else { break }
      head.unicodeScalars.append(scalar)
    }
    return head
  }
}
