import Cluster
import Hub
import Model
import Protocol
import Reactor

/// What belongs to no channel: events for a user or for everybody, and telling the broker who is connected.
extension Worker {
  /// Open connections reported together.
  private static var reportBatch: Int { 256 }
  /// Slots looked at for one batch.
  private static var reportSpan: UInt32 { 4096 }

  // MARK: Events

  func run(_ send: SendCommand, _ text: UnsafeRawBufferPointer, _ session: SessionID) {
    guard !relay.isFull else {
      return reply(.error(hub.refusal(of: session, .overloaded(id: send.id, nothing: "sent"))), session.slot)
    }
    hub.send(session, to: send.user, request: send.id) { Array(text[send.data]) }
  }

  // MARK: Who is connected

  /// The broker wants to be told of other connections than before.
  func register(_ reportedConnections: ReportedConnections) {
    self.reportedConnections = reportedConnections
    if case .everybody = reportedConnections { reportBatch(from: 0) }
  }

  /// Tells the broker of a connection that is open, or whose client is known only now, if it wants to be told.
  func report(_ slot: UInt32) {
    guard let connection = openConnection(slot) else { return }
    switch reportedConnections {
    case .nobody: return
    case .users: if connection.user == nil { return }
    case .everybody: break
    }
    connections[slot].pointee.isReported = true
    relay.report(.connected(connection))
  }

  /// Tells the broker of the connections that are open, some at a time: it asks for the next when it has taken these.
  func reportBatch(from first: UInt32) {
    let end = min(connections.capacity, first + Self.reportSpan)
    var batch: [OpenConnection] = []
    var slot = first
    while slot < end, batch.count < Self.reportBatch {
      if let connection = openConnection(slot) {
        connections[slot].pointee.isReported = true
        batch.append(connection)
      }
      slot += 1
    }
    relay.report(.openConnections(batch, next: slot < connections.capacity ? slot : nil))
  }

  /// Tells the broker that a connection is gone, if it was told of it.
  func reportClosed(_ slot: UInt32) {
    guard connections[slot].pointee.isReported, let sender = hub.sender(connections.id(slot)) else { return }
    connections[slot].pointee.isReported = false
    relay.report(.disconnected(sender.client, sender.user))
  }

  func openConnection(_ slot: UInt32) -> OpenConnection? {
    guard connections[slot].pointee.isInHub, let sender = hub.sender(connections.id(slot)) else { return nil }
    return OpenConnection(
      client: sender.client, user: sender.user, address: connections[slot].pointee.address?.description,
      since: connections[slot].pointee.opened)
  }
}
