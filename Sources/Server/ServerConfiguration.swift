import Cluster
import Hub
import Model
import Reactor
import WebSocket

/// What a server is made of.
package struct ServerConfiguration: Sendable {
  package var addresses: [SocketAddress]
  package var loops: Int
  /// The path of the WebSocket.
  package var path: String
  /// Whether there is a plain echo at `echoPath`.
  package var echoes: Bool
  /// Whether clients of `path` may agree on permessage-deflate.
  package var compresses: Bool
  package var hub: Hub.Limits
  package var access: Hub.Authorization
  /// The largest message, in bytes.
  package var maxMessageSize: Int
  /// How much may wait for a slow client, in bytes.
  package var maxOutbox: Int
  /// Milliseconds between two pings, and until an answer must have come.
  package var pingInterval: Int64
  package var pongTimeout: Int64
  package var origins: OriginPolicy
  package var hosts = HostPolicy()
  /// Whose word on where a client is counts.
  package var proxies = TrustedProxies(blocks: [])
  /// Connections of one address, and handshakes it may make a second; 0 is no limit.
  package var maxConnectionsPerAddress = 0
  package var connectRate = 0.0
  /// Whether `?user=` names the user: only where nobody is to be kept out (`--dev`).
  package var trustsUserParameter: Bool
  package var node: NodeID
  /// How the names of channels and users are spread over the broker's keyspaces.
  package var keyspaces = KeyspaceMap.one

  package init(
    addresses: [SocketAddress], loops: Int, path: String, echoes: Bool, compresses: Bool, hub: Hub.Limits,
    access: Hub.Authorization, maxMessageSize: Int, maxOutbox: Int, pingInterval: Int64, pongTimeout: Int64,
    origins: OriginPolicy, trustsUserParameter: Bool, node: NodeID
  ) {
    self.addresses = addresses
    self.loops = loops
    self.path = path
    self.echoes = echoes
    self.compresses = compresses
    self.hub = hub
    self.access = access
    self.maxMessageSize = maxMessageSize
    self.maxOutbox = maxOutbox
    self.pingInterval = pingInterval
    self.pongTimeout = pongTimeout
    self.origins = origins
    self.trustsUserParameter = trustsUserParameter
    self.node = node
  }

  /// Where the echo is, and the largest message it sends back, in bytes.
  package static let echoPath = "/echo"
  static let maxEchoSize = 16 << 20
  static let maxEchoOutbox = 32 << 20
  /// Payloads from this size on are compressed, in bytes.
  static let minCompressedSize = 256
  /// What an event may have in bytes besides the message in it.
  private static let maxEnvelope = 4096
  /// Milliseconds from accept until a handshake must be complete.
  static let handshakeTimeout: Int64 = 5000
  /// The same for a connection beyond the room, and what its end may take.
  static let beyondRoomTimeout: Int64 = 1000
  /// Milliseconds that an outbox may be more than half full.
  static let slowTimeout: Int64 = 30_000
  /// Pings and pongs of one client in a second.
  static let maxControlFrames: UInt16 = 100
  /// Compressed messages of one client in a second that are read although they are above the rate, to say which they were;
  /// what they may have in bytes, compressed and inflated.
  static let maxExcessFrames: UInt16 = 100
  static let maxExcessSize = 4096
  static let maxInflatedExcess = 16_384
  /// Milliseconds that a closing handshake may take.
  static let closeTimeout: Int64 = 2000
  /// Fragments of one message, empty ones too.
  static let maxFragments = 1024
  static let maxEchoFragments = 1 << 20
  /// What is at a path, if anything.
  func endpoint(at path: String) -> Endpoint? {
    if path == self.path { return .hub }
    return echoes && path == Self.echoPath ? .echo : nil
  }

  /// Whether a payload of so many bytes is worth compressing.
  ///
  /// Larger than what clients publish are only answers to a single client, such as a history: at its rate it could have a loop do
  /// nothing else.
  func compresses(_ count: Int, of endpoint: Endpoint) -> Bool {
    count >= Self.minCompressedSize && count - Self.maxEnvelope <= limits(of: endpoint).maxMessageSize
  }

  func limits(of endpoint: Endpoint) -> FrameDecoder.Limits {
    switch endpoint {
    case .hub, .events, .commands, .poll:
      FrameDecoder.Limits(maxMessageSize: maxMessageSize, maxFragments: Self.maxFragments)
    case .echo: FrameDecoder.Limits(maxMessageSize: Self.maxEchoSize, maxFragments: Self.maxEchoFragments)
    }
  }

  /// What is answered also where there is no room for another connection.
  package static let healthPaths: Set = ["/healthz", "/readyz", "/metrics"]

  /// Bytes that are looked at before a connection is given away: the longest head of a request that is no WebSocket's.
  package static let maxHeadSize = HandshakeParser.Limits().maxHeadBytes
}

/// What a WebSocket is for.
enum Endpoint {
  /// The protocol of Apus.
  case hub
  /// Every message comes back as it is: for conformance tests and first tries.
  case echo
  /// The protocol of Apus as Server-Sent Events, which is no WebSocket at all.
  case events
  /// No connection at all: a client is in the hub for the commands of one HTTP request.
  case commands
  /// No connection either: a client is in its channels until there is something to tell.
  case poll

  /// Whether there is no connection, but only a client in the hub.
  var isGuest: Bool { self == .commands || self == .poll }
}
