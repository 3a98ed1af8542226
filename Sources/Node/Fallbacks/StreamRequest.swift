import Crypto
import HTTPTypes
import HummingbirdCore
import JSON
import Model
import Protocol
import Server

/// What a stream is asked for: its channels, and as whom its client publishes.
struct StreamRequest: Sendable {
  /// The most channels of a stream by GET.
  static let maxChannelsByGet = 32
  /// A position under which no history was ever kept: what cannot be read counts as lost.
  private static let lost = Since.position(StreamPosition(epoch: "-", offset: 0))

  let channels: [StreamOpening.Channel]
  /// Whether the client has said where it stands; `-` says so, too, of a channel that keeps nothing.
  let hasPositions: Bool
  /// Secret of the client's, made up by it; nil for one that only listens.
  let session: String?

  // MARK: GET

  /// `channel=` once for each, `presence=true` or `watch` for all, and the header `Last-Event-ID`, or `since=`, for where the
  /// client stands.
  init(_ request: Request, _ query: QueryMembers) throws(RouteError) {
    let names = query.all("channel")
    guard !names.isEmpty else { throw RouteError(.badRequest, "Say which channels: ?channel=NAME.") }
    try Self.check(count: names.count, limit: Self.maxChannelsByGet)
    let mode = try Self.mode(try query.first("presence"))
    let header = request.headers.first { $0.name.canonicalName == "last-event-id" }?.value
    let text = header == nil ? try query.first("since") : header
    let positions = Self.positions(text, names.count)
    hasPositions = text?.isEmpty == false
    var channels: [StreamOpening.Channel] = []
    for (name, since) in zip(names, positions) {
      channels.append(StreamOpening.Channel(try Self.channel(name, of: channels), mode: mode, since: since))
    }
    self.channels = channels
    session = nil
  }

  private static func mode(_ text: String?) throws(RouteError) -> PresenceMode {
    switch text {
    case nil, "false": .none
    case "true": .member
    case "watch": .watch
    default: throw RouteError(.badRequest, "The query member presence must be true or watch.")
    }
  }

  /// What an `id` line told, read again.
  private static func positions(_ text: String?, _ count: Int) -> [Since?] {
    guard let text, !text.isEmpty else { return Array(repeating: nil, count: count) }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count == count else { return Array(repeating: lost, count: count) }
    return parts.map { part in
      if part == "-" { return nil }
      let fields = part.split(separator: ":", omittingEmptySubsequences: false)
      // It is told again in a line of its own, where a line break would begin another.
      guard fields.count == 2, ClientID(checking: String(fields[0])) != nil, let offset = Int(fields[1]), offset >= 0
      else { return lost }
      return .position(StreamPosition(epoch: String(fields[0]), offset: offset))
    }
  }

  // MARK: POST

  /// `{"session"?,"channels":[…]}`, each channel with the members of the command `subscribe`. A stream may have none, and
  /// brings what is for the user then.
  init(json: String, minChannels: Int = 0, maxChannels: Int) throws(RouteError) {
    let body = try Self.body(json)
    let count = body.elementCount("channels") ?? 0
    try Self.check(count: count, limit: maxChannels)
    guard count >= minChannels, let elements = body.objects("channels"), elements.count == count else {
      let least = minChannels > 0 ? ", one at least" : ""
      throw RouteError(.badRequest, "The member channels must be an array of objects\(least).")
    }
    var channels: [StreamOpening.Channel] = []
    for element in elements { channels.append(try Self.channel(element, after: channels)) }
    self.channels = channels
    hasPositions = channels.contains { $0.since != nil }
    session = try Self.session(of: body)
  }

  /// The most members of a body.
  private static let maxMembers = 64

  /// The object that a body is, if it is one that can be read in one way alone.
  static func body(_ json: String) throws(RouteError) -> JSONObject {
    guard let body = JSONObject(json), body.names.count <= maxMembers, body.isUnambiguous else {
      throw RouteError(
        .badRequest, "The body must be a JSON object of at most \(maxMembers) members, none of them twice.")
    }
    return body
  }

  private static func channel(
    _ element: JSONObject, after channels: [StreamOpening.Channel]
  ) throws(RouteError) -> StreamOpening.Channel {
    let name = element.string("channel")
    guard element.kind("type") == nil, element.kind("id") == nil else {
      throw RouteError(Refusal(.badRequest, "A channel has no type and no id here."), channel: name)
    }
    // As the answer to a poll has it, so that it can be given back.
    let told: Since? =
      if let epoch = element.string("epoch"), let offset = element.integer("offset"), offset >= 0 {
        .position(StreamPosition(epoch: epoch, offset: offset))
      } else {
        nil
      }
    // Read as the command that it stands for, so that both are judged alike.
    var text =
      #"{"type":"subscribe""# + (element.names.isEmpty ? "}" : "," + element.text.drop { $0 != "{" }.dropFirst())
    let command = text.withUTF8 { CommandScanner.scan(UnsafeRawBufferPointer($0)) }
    switch command {
    case .success(.subscribe(let subscribe)):
      _ = try Self.channel(subscribe.channel.string, of: channels)
      return StreamOpening.Channel(
        subscribe.channel, mode: subscribe.presence, info: subscribe.info, since: subscribe.since ?? told)
    case .success: throw RouteError(.badRequest, "The member channels must have the members of a subscribe.")
    case .failure(let refusal): throw RouteError(refusal, channel: name)
    }
  }

  /// The member `session`: 22 to 64 letters of base64url.
  static func session(of body: JSONObject) throws(RouteError) -> String? {
    guard body.kind("session") != nil else { return nil }
    guard let text = body.string("session") else { throw invalidSession }
    return try session(text)
  }

  private static let invalidSession = RouteError(.badRequest, "The session must be 22 to 64 letters of base64url.")

  static func session(_ text: String) throws(RouteError) -> String {
    let isLetter = { (byte: UInt8) in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    guard (22...64).contains(text.utf8.count), text.utf8.allSatisfy(isLetter) else { throw invalidSession }
    return text
  }

  /// As whom the client of a session publishes, on whatever node: `h-` and 13 letters of base64url of
  /// SHA-256(session, 0, user).
  static func author(session: String, user: UserName?) -> ClientID {
    let digest = SHA256.hash(data: Array(session.utf8) + [0] + Array((user?.string ?? "").utf8))
    let letters = Base64.encode(Array(digest)).prefix(13).map { letter in
      switch letter {
      case "+": Character("-")
      case "/": Character("_")
      default: letter
      }
    }
    return ClientID("h-" + String(letters))
  }

  // MARK: Names

  private static func check(count: Int, limit: Int) throws(RouteError) {
    guard count <= limit else { throw RouteError(.tooManyChannels, "A stream has at most \(limit) channels.") }
  }

  private static func channel(
    _ name: String, of channels: [StreamOpening.Channel]
  ) throws(RouteError) -> ChannelName {
    guard let channel = ChannelName(name) else {
      throw RouteError(Refusal(.invalidChannel, ChannelName.rule), channel: name)
    }
    guard !channels.contains(where: { $0.name == channel }) else {
      throw RouteError(Refusal(.badRequest, "The channel \(channel) stands there twice."), channel: name)
    }
    return channel
  }
}
