import Model
import Reactor

/// A stream of Server-Sent Events that is to be opened: its request was read and judged by the HTTP side, and nothing of
/// the answer was sent.
package struct StreamOpening: Sendable {
  package struct Channel: Sendable {
    package let name: ChannelName
    package let mode: PresenceMode
    /// JSON text that presence shows.
    package let info: String?
    package var since: Since?
    /// Whether the client may come back to a position: who may not read the history is told none.
    package var tellsPosition = true

    package init(_ name: ChannelName, mode: PresenceMode = .none, info: String? = nil, since: Since? = nil) {
      self.name = name
      self.mode = mode
      self.info = info
      self.since = since
    }
  }

  /// The connection, whose descriptor a loop owns from now on.
  let connection: HandedBack
  /// Where the client is.
  package let address: IPAddress?
  package let identity: Identity?
  /// As whom its client publishes over HTTP.
  package let author: ClientID?
  package let channels: [Channel]
  /// Whether the server's owner listens, by a key of the HTTP API: whatever the rules and where everybody must say who they
  /// are.
  package let isOwners: Bool
  /// Whether each event says where the client stands, so that an `EventSource` can come back.
  package let tellsPositions: Bool

  /// Where the client stands at first, where it is to be told.
  var positions: StreamPositions? { tellsPositions ? StreamPositions(channels) : nil }

  /// The head of the answer, and what stands before the first event.
  package let head: [UInt8]

  package init(
    _ connection: HandedBack, address: IPAddress?, identity: Identity? = nil, author: ClientID? = nil,
    channels: [Channel], isOwners: Bool = false, tellsPositions: Bool, head: [UInt8]
  ) {
    self.connection = connection
    self.isOwners = isOwners
    self.address = address
    self.identity = identity
    self.author = author
    self.channels = channels
    self.tellsPositions = tellsPositions
    self.head = head
  }
}

/// A connection that the HTTP side gives back: another descriptor of it, in the same place.
package struct HandedBack: Sendable {
  /// Non-blocking; whoever has this closes it, and lets go of `place` after that.
  let fd: Int32
  let place: HandedOver

  /// Must be called where the descriptor of `connection` cannot be closed meanwhile. Nil where no other can be had.
  package init?(_ connection: HandedOver) {
    guard let fd = Sys.duplicate(connection.fd) else { return nil }
    self.fd = fd
    place = connection
  }

  package func close() {
    Sys.close(fd)
  }
}
