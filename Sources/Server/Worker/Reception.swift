import DequeModule
import Model
import WebSocket

/// Connections of a loop that are not open yet, or no more.
struct Reception {
  /// By slot: the partial heads of requests, for the few that are in their handshake.
  var handshakes: [UInt32: HandshakeParser] = [:]
  /// In their handshake or at their end, waiting to be dealt with.
  var queue: Deque<SessionID> = []
  /// Beyond the room, the oldest first.
  var visitors: [Visitor] = []
}
