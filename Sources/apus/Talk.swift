import ApusClient
import ArgumentParser
import FoundationEssentials
import JSON
import Locks
import Node
import Reactor

/// How the commands that talk to a node find it.
struct NodeOptions: ParsableArguments {
  /// The node that `apus serve` without options is.
  static let defaultURL = "ws://127.0.0.1:8080/ws"

  @Option(help: "WebSocket URL of the node.")
  var url = NodeOptions.defaultURL
  @Option(help: "User to connect as; works only with a node that runs with --dev.")
  var user: String?
  @Option(help: "Token to connect with; give it as APUS_TOKEN to hide it from other users of the machine.")
  var token: String?

  /// `onText` sees everything the node says, as it came.
  func connect(onText: (@Sendable (String) -> Void)? = nil) async throws -> ApusClient {
    var url = url
    if let user {
      url += url.contains("?") ? "&" : "?"
      url += "user=" + Self.percentEncoded(user)
    }
    // A variable that is empty counts as not set.
    let variable = ProcessInfo.processInfo.environment["APUS_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
    let provider: TokenProvider? = (token ?? variable).map { token in { @Sendable in token } }
    return try await ApusClient.connect(to: url, token: provider, onText: onText)
  }

  private static func percentEncoded(_ text: String) -> String {
    let hex = Array("0123456789ABCDEF")
    return text.utf8.reduce(into: "") { result, byte in
      let character = Character(UnicodeScalar(byte))
      if character.isASCII, character.isLetter || character.isNumber || "-._~".contains(character) {
        result.append(character)
      } else {
        result += "%\(hex[Int(byte >> 4)])\(hex[Int(byte & 15)])"
      }
    }
  }
}

/// `apus sub`: listen to channels from a terminal.
struct Subscribe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sub", abstract: "Print the events of channels, one per line.",
    usage: "apus sub <channel> ... [<options>]",
    discussion: """
        apus sub lobby
        apus sub room:1 room:2 --presence
        apus sub demo:lobby --since 10m

      Each event is one line of JSON, whatever its `data` holds: white space between the parts becomes spaces, and \
      control characters inside strings are escaped (\\u001b). After a lost connection it reconnects and says so on \
      standard error. It ends when nothing reads its output any more, as in `apus sub lobby | head -3`.
      """)

  @Argument(help: ArgumentHelp("Channels to subscribe to.", valueName: "channel"))
  var channels: [String]
  @Flag(help: "Join the presence of the channels, and print joins and leaves.")
  var presence = false
  @Option(
    help: ArgumentHelp(
      "Print earlier messages first, where a channel keeps them: of the last 10m, say, or after EPOCH:OFFSET.",
      valueName: "time or position"),
    transform: SincePoint.init(argument:))
  var since: SincePoint?
  @OptionGroup
  var node: NodeOptions

  func run() async throws {
    try endWithReaderOfOutput()
    let client = try await node.connect { text in
      // Answers to the client's own pings, which are no events.
      if !text.hasPrefix(#"{"type":"pong""#) { printLine(text.printableJSON) }
    }
    async let end: Void = Self.tellOfLosses(client.events)
    for channel in channels {
      let subscription = try await client.subscribe(
        channel, presence: presence ? .member : .none, since: since?.value)
      if let since, let flaw = Self.flaw(of: subscription, since: since.value) { printError("\(channel) \(flaw)") }
    }
    try await end
  }

  /// Why nothing of what was published since then is printed; nil when all of it is.
  private static func flaw(of subscription: Subscription, since: RecoveryPoint) -> String? {
    guard let position = subscription.position else { return "keeps no history: --since has no effect there." }
    // A channel in which nothing was published need not have been there at that time.
    let isEmpty = if case .time = since { position.offset == 0 } else { false }
    guard !subscription.recovered, !isEmpty else { return nil }
    return "does not have everything published since then: only new messages are printed."
  }

  private static func tellOfLosses(_ events: ClientEvents) async throws {
    for try await event in events {
      if case .disconnected(let error, let delay) = event { printError("\(error) Trying again in \(delay) ms.") }
    }
  }
}

/// What `--since` says.
struct SincePoint {
  let value: RecoveryPoint

  /// Throws for what is neither a place nor a length of time.
  init(argument: String) throws {
    if let colon = argument.lastIndex(of: ":") {
      let epoch = String(argument[..<colon])
      guard !epoch.isEmpty, let offset = Int(argument[argument.index(after: colon)...]), offset >= 0 else {
        throw Self.refusal
      }
      value = .position(Position(epoch: epoch, offset: offset))
    } else {
      guard let age = Milliseconds(text: argument) else { throw Self.refusal }
      value = .time(Int(Sys.wallMilliseconds() - age.value))
    }
  }

  private static let refusal = Failure("it takes \(Milliseconds.expected), or a position, EPOCH:OFFSET.")
}

/// `apus pub`: say something from a terminal.
struct Publish: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pub", abstract: "Publish one message and wait until it is accepted.",
    usage: "apus pub <channel> <data> [<options>]",
    discussion: """
        apus pub lobby '{"text":"hello"}'
        date | apus pub lobby -
        apus pub lobby -- -5                  put -- before data that begins with -

      With - all of standard input is one message, without its last line ending. It may be as large as the node's \
      --max-message-size. JSON is sent as it is, anything else as a JSON string.
      """)

  /// The most that is read for a message, in bytes, whatever a node says: no node takes more.
  private static let mostInput = 1 << 30

  @Argument(help: "Channel to publish to.")
  var channel: String
  @Argument(help: "Data to publish, or - to read it from standard input.")
  var data: String
  @OptionGroup
  var node: NodeOptions

  func run() async throws {
    let limit = Lock(Self.mostInput)
    let client = try await node.connect { text in
      guard let size = JSONObject(text)?.integer("maxMessageSize"), size > 0 else { return }
      limit.withLock { $0 = min(size, Self.mostInput) }
    }
    let text = data == "-" ? try Self.input(limit: limit.withLock { $0 }) : data
    let isJSON = JSONScanner.validate(text)
    if !isJSON, let first = text.first(where: { !$0.isWhitespace }), "{[\"".contains(first) {
      printError("The message begins like JSON but is not valid JSON: it is sent as a string.")
    }
    try await client.publish(isJSON ? text : quoted(text), to: channel)
    client.close()
  }

  private static func input(limit: Int) throws -> String {
    try StandardInput.text(
      limit: limit,
      "Standard input is longer than the \(limit) bytes that the node accepts in a message; nothing was sent.")
  }
}

/// A JSON string.
private func quoted(_ text: String) -> String {
  var writer = ByteWriter(capacity: text.utf8.count + 2)
  writer.append(quoting: text)
  return String(decoding: writer.bytes, as: UTF8.self)
}
