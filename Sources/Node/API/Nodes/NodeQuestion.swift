import JSON
import Model
import Server

/// What each node is asked about itself, or told to do, by the node that answers a request of the HTTP API. The nodes write
/// it to one another as a JSON object.
enum NodeQuestion: Equatable, Sendable {
  /// Its channels by name, at most so many after that name.
  case channels(match: String?, after: String?, limit: Int)
  /// Those of its channels that have the most subscribers.
  case largestChannels(match: String?, limit: Int)
  /// How many subscribers it has in each of these.
  case subscribers([String])
  case connections(UserName)
  case disconnect(ConnectionOwner, reason: String)
  case put(UserName, ChannelName, isMember: Bool, info: String?)
  case take(UserName, ChannelName)
  case statistics
  /// What it is and how it does.
  case node

  /// Whether it changes nothing, so that one answer may serve all who ask the same at about the same time.
  var isRead: Bool {
    switch self {
    case .channels, .largestChannels, .subscribers, .connections, .statistics, .node: true
    case .disconnect, .put, .take: false
    }
  }

  // MARK: Text

  private enum Name: String {
    case channels, largestChannels, subscribers, connections, disconnect, put, take, statistics, node
  }

  private var name: Name {
    switch self {
    case .channels: .channels
    case .largestChannels: .largestChannels
    case .subscribers: .subscribers
    case .connections: .connections
    case .disconnect: .disconnect
    case .put: .put
    case .take: .take
    case .statistics: .statistics
    case .node: .node
    }
  }

  var text: [UInt8] {
    var writer = ByteWriter(capacity: 128)
    writer.append(literal: #"{"ask":"#)
    writer.append(quoting: name.rawValue)
    switch self {
    case .channels(let match, let after, let limit):
      writer.append(member: "match", match)
      writer.append(member: "after", after)
      writer.append(member: "limit", limit)
    case .largestChannels(let match, let limit):
      writer.append(member: "match", match)
      writer.append(member: "limit", limit)
    case .subscribers(let channels):
      writer.append(literal: #","channels":"#)
      writer.append(list: channels) { $1.append(quoting: $0) }
    case .connections(let user): writer.append(member: "user", user.string)
    case .disconnect(.user(let user), let reason):
      writer.append(member: "user", user.string)
      writer.append(member: "reason", reason)
    case .disconnect(.client(let client), let reason):
      writer.append(member: "client", client.string)
      writer.append(member: "reason", reason)
    case .put(let user, let channel, let isMember, let info):
      writer.append(member: "user", user.string)
      writer.append(member: "channel", channel.string)
      writer.append(literal: isMember ? #","presence":true"# : "")
      writer.append(member: "info", info)
    case .take(let user, let channel):
      writer.append(member: "user", user.string)
      writer.append(member: "channel", channel.string)
    case .statistics, .node: break
    }
    writer.append(byte: UInt8(ascii: "}"))
    return writer.bytes
  }

  /// The question that another node has written; nil for one that this version does not know.
  init?(_ text: [UInt8]) {
    guard let text = String(validating: text, as: UTF8.self), let object = JSONObject(text),
      let name = object.string("ask").flatMap(Name.init)
    else { return nil }
    switch name {
    case .channels:
      guard let limit = object.integer("limit"), limit > 0 else { return nil }
      self = .channels(match: object.string("match"), after: object.string("after"), limit: limit)
    case .largestChannels:
      guard let limit = object.integer("limit"), limit > 0 else { return nil }
      self = .largestChannels(match: object.string("match"), limit: limit)
    case .subscribers:
      guard let channels = object.strings("channels") else { return nil }
      self = .subscribers(channels)
    case .connections:
      guard let user = object.user else { return nil }
      self = .connections(user)
    case .disconnect:
      guard let owner = object.user.map(ConnectionOwner.user) ?? object.string("client").map({ .client(ClientID($0)) }),
        let reason = object.string("reason")
      else { return nil }
      self = .disconnect(owner, reason: reason)
    case .put:
      let info = object.string("info")
      // It goes into events as it is.
      guard let user = object.user, let channel = object.channel,
        info.map({ $0.utf8.count <= MemberConnection.maxInfoLength && JSONScanner.validate($0) }) ?? true
      else { return nil }
      self = .put(user, channel, isMember: object.isTrue("presence"), info: object.string("info"))
    case .take:
      guard let user = object.user, let channel = object.channel else { return nil }
      self = .take(user, channel)
    case .statistics: self = .statistics
    case .node: self = .node
    }
  }
}

extension JSONObject {
  fileprivate var user: UserName? { string("user").flatMap(UserName.init) }
  fileprivate var channel: ChannelName? { string("channel").flatMap(ChannelName.init) }
}
