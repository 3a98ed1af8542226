import Model
import Protocol
import WebSocket

@testable import ApusClient

/// A session with its clock, as the tests drive it.
struct Transcript {
  var session = ClientSession(random: SmallestDelay())
  var now: Int64 = 0

  /// Begins and is taken in by a node; what that brought about.
  static func connected(pingInterval: Int = 25_000) -> Transcript {
    var transcript = Transcript()
    _ = transcript.session.start(transcript.session.nextRequest())
    _ = transcript.connect(pingInterval: pingInterval)
    return transcript
  }

  /// The same with a provider of tokens, by the token `a`.
  static func authenticated() throws -> Transcript {
    var transcript = Transcript(session: ClientSession(renewsToken: true, random: SmallestDelay()))
    _ = transcript.session.start(transcript.session.nextRequest(), token: try ClientToken("a"))
    _ = transcript.connect(user: "alice")
    return transcript
  }

  /// The connection asked for is made, and the node greets.
  mutating func connect(pingInterval: Int = 25_000, user: String? = nil) -> [SessionAction] {
    session.opened(now: now)
    let name = user.map { "\"\($0)\"" } ?? "null"
    return hear(
      #"{"type":"connected","clientId":"c-1","node":"n.1","user":\#(name),"pingInterval":\#(pingInterval),"maxMessageSize":1000}"#
    )
  }

  /// The connection asked for is made, and the node does not take its token.
  mutating func refuse() -> [SessionAction] {
    _ = connect()
    _ = hear(#"{"type":"error","code":"invalid_token","error":"No.","temporary":false}"#)
    return lose(.closed(.unauthenticated, reason: "invalid_token"))
  }

  /// The program gives a token.
  mutating func give(_ token: String) throws -> [SessionAction] {
    session.tokenArrived(.success(try ClientToken(token)), now: now)
  }

  mutating func hear(_ text: String) -> [SessionAction] {
    session.received(text, now: now)
  }

  mutating func subscribe(_ channel: String, since: RecoveryPoint? = nil) -> [SessionAction] {
    let request = session.nextRequest()
    return session.subscribe(channel, presence: .none, info: nil, since: since, request)
  }

  mutating func publish(_ data: String, to channel: String) -> [SessionAction] {
    let request = session.nextRequest()
    return session.publish(data, to: channel, echo: true, request)
  }

  mutating func lose(_ loss: ConnectionLoss = .broken("gone")) -> [SessionAction] {
    session.lost(loss, now: now)
  }

  /// Lets time pass up to the next thing that is due.
  mutating func wait() -> [SessionAction] {
    guard let deadline = session.deadline else { return [] }
    now = deadline
    return session.timeout(now: now)
  }
}

/// Draws small numbers: every random delay is the shortest. (Not 0, which Swift may draw again for ever.)
struct SmallestDelay: RandomNumberGenerator, Sendable {
  mutating func next() -> UInt64 { 1 << 32 }
}

/// Draws the largest number: every random delay is the longest.
struct LongestDelay: RandomNumberGenerator, Sendable {
  mutating func next() -> UInt64 { .max }
}

extension [SessionAction] {
  /// The texts among them that go to the node.
  var sent: [String] { compactMap { if case .send(let text) = $0 { text } else { nil } } }
  /// What the program is told.
  var told: [ClientEvent] { compactMap { if case .tell(let event) = $0 { event } else { nil } } }
  /// The answers to the program's requests.
  var answers: [Result<SessionReply, ApusClientError>] {
    compactMap { if case .answer(_, let result) = $0 { result } else { nil } }
  }
}
