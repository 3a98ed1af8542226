import Hub
import Model
import Reactor

/// What a server is made of.
package struct ServerConfiguration: Sendable {
  package var addresses: [SocketAddress]
  package var loops: Int
  /// The path of the WebSocket.
  package var path: String
  package var hub: Hub.Limits
  /// The largest message, in bytes.
  package var maxMessageSize: Int
  /// How much may wait for a slow client, in bytes.
  package var maxOutbox: Int
  /// Milliseconds between two pings, and until an answer must have come.
  package var pingInterval: Int64
  package var pongTimeout: Int64
  package var origins: OriginPolicy
  /// Connections in all; 0 is no limit.
  package var maxConnections: Int
  /// Whether `?user=` names the user: only where nobody is to be kept out (`--dev`).
  package var trustsUserParameter: Bool
  package var node: NodeID

  package init(
    addresses: [SocketAddress], loops: Int, path: String, hub: Hub.Limits, maxMessageSize: Int, maxOutbox: Int,
    pingInterval: Int64, pongTimeout: Int64, origins: OriginPolicy, maxConnections: Int, trustsUserParameter: Bool,
    node: NodeID
  ) {
    self.addresses = addresses
    self.loops = loops
    self.path = path
    self.hub = hub
    self.maxMessageSize = maxMessageSize
    self.maxOutbox = maxOutbox
    self.pingInterval = pingInterval
    self.pongTimeout = pongTimeout
    self.origins = origins
    self.maxConnections = maxConnections
    self.trustsUserParameter = trustsUserParameter
    self.node = node
  }

  /// Milliseconds from accept until a handshake must be complete.
  static let handshakeTimeout: Int64 = 5000
  /// Milliseconds that a closing handshake may take.
  static let closeTimeout: Int64 = 2000
  /// Fragments of one message, empty ones too.
  static let maxFragments = 1024
  /// Bytes that are looked at to find the path of a request.
  static let peekSize = 8192
}
