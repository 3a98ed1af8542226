import ApusClient
import ArgumentParser
import FoundationEssentials
import Node
import Reactor
import Wire

/// How the commands that talk to a node find it.
struct NodeOptions: ParsableArguments {
  /// The node that `apus serve` without options is.
  static let defaultURL = "ws://127.0.0.1:8080/ws"

  @Option(help: "The node's WebSocket.")
  var url = NodeOptions.defaultURL
  @Option(help: "Who you are; a node in --dev believes it.")
  var user: String?
  @Option(help: "A token that proves who you are; better given as APUS_TOKEN, where other users do not see it.")
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
    commandName: "sub", abstract: "Listen to channels: prints every event as one line of JSON.")

  @Argument(help: "The channels.")
  var channels: [String]
  @Flag(help: "Enter the channels' presence, and see who comes and goes.")
  var presence = false
  @Option(
    help: ArgumentHelp(
      "What was published before, too, where the channels keep history: so long ago, as 10m, or behind a message, as "
        + "EPOCH:OFFSET.", valueName: "time or place"))
  var since: SincePoint?
  @OptionGroup
  var node: NodeOptions

  func run() async throws {
    let client = try await node.connect { text in
      // Answers to the client's own pings, which are no events.
      if !text.hasPrefix(#"{"type":"pong""#) { printLine(text) }
    }
    async let end: Void = Self.tellOfLosses(client.events)
    for channel in channels {
      try await client.subscribe(channel, presence: presence ? .member : .none, since: since?.value)
    }
    try await end
  }

  private static func tellOfLosses(_ events: ClientEvents) async throws {
    for try await event in events {
      if case .disconnected(let error, let delay) = event { complain("\(error) Trying again in \(delay) ms.") }
    }
  }
}

/// What `--since` says.
struct SincePoint: ExpressibleByArgument {
  let value: RecoveryPoint

  /// Nil for what is neither a place nor a length of time.
  init?(argument: String) {
    if let colon = argument.lastIndex(of: ":") {
      let epoch = String(argument[..<colon])
      guard !epoch.isEmpty, let offset = Int(argument[argument.index(after: colon)...]), offset >= 0 else { return nil }
      value = .position(Position(epoch: epoch, offset: offset))
    } else {
      guard let age = Milliseconds(text: argument) else { return nil }
      value = .time(Int(Sys.wallMilliseconds() - age.value))
    }
  }
}

/// `apus pub`: say something from a terminal.
struct Publish: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pub", abstract: "Publish one message and wait until it is taken.")

  @Argument(help: "The channel.")
  var channel: String
  @Argument(help: "What to say: JSON as it is; anything else is sent as a JSON string.")
  var data: String
  @OptionGroup
  var node: NodeOptions

  func run() async throws {
    let client = try await node.connect()
    try await client.publish(JSONScanner.validate(data) ? data : quoted(data), to: channel)
    client.close()
  }
}

/// A JSON string.
private func quoted(_ text: String) -> String {
  var writer = ByteWriter(capacity: text.utf8.count + 2)
  writer.append(quoting: text)
  return String(decoding: writer.bytes, as: UTF8.self)
}
