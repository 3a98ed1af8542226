import Cluster
import Model
import Protocol
import TestSupport

/// A connection as the broker sees one: its loop and slot, its id, its user.
struct TestClient: Sendable {
  let id: ClientID
  let session: SessionID
  let user: UserName?
  let loop: LoopIndex

  /// The connection of that number, which must be its own in the whole cluster; anonymous without a user.
  init(_ number: UInt32, user: UserName? = nil, loop: LoopIndex = 0) {
    id = ClientID("c-\(number)")
    session = SessionID(slot: number, generation: 1)
    self.user = user
    self.loop = loop
  }

  func memberConnection(info: String? = nil) -> MemberConnection {
    MemberConnection(client: id, user: user, info: info)
  }

  /// As loops tell of it.
  var connection: OpenConnection {
    OpenConnection(client: id, user: user, address: "192.0.2.1", since: 1_730_000_000_123)
  }

  /// What this connection sends to a user; `data` is JSON text.
  func direct(_ data: String) -> DirectEvent {
    .direct(from: user, client: id, data: Array(data.utf8))
  }

  /// A message of this connection's; `data` is JSON text.
  func message(_ data: String, in channel: ChannelName) -> EventText {
    Array(data.utf8).withUnsafeBytes {
      Interchange.message(channel: channel, from: user, client: id, data: $0, timestamp: 0)
    }
  }

  /// The same message as loops hear it.
  func text(_ data: String, in channel: ChannelName) -> ExactString {
    ExactString(message(data, in: channel).string)
  }
}

extension ChannelName: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) {
    guard let name = ChannelName(value) else { preconditionFailure("\(value) is no channel") }
    self = name
  }
}

extension UserName: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) {
    guard let name = UserName(value) else { preconditionFailure("\(value) is no user") }
    self = name
  }
}
