import Logging

/// What the loops of a node have in common: limits that count over all of them, the log of refusals, who judges tokens,
/// and who does the methods that the node does not know.
struct SharedServices: Sendable {
  let logger: Logger
  /// Takes a connection that is no WebSocket, unread.
  let handOver: @Sendable (HandedOver) -> Void
  let connectionCounter: ConnectionCounter
  let room: Room
  let addresses: AddressLimits
  let users: UserRateTable
  /// The rates of addresses, for anonymous commands by HTTP.
  let addressRates: UserRateTable
  let refusals: RefusalLog
  /// Nil where no tokens are checked.
  let authenticator: Authenticator?
  /// Nil where such methods are unknown.
  let backend: BackendDispatcher?
}
