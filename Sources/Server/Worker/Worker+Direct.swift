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

  /// A keyspace wants to be told of other connections than before.
  func register(_ reportedConnections: ReportedConnections, in keyspace: KeyspaceIndex) {
    self.reportedConnections[keyspace] = reportedConnections
    if case .everybody = reportedConnections { reportBatch(of: keyspace, from: 0) }
  }

  /// Tells the broker of a connection that is open, or whose client is known only now, if it wants to be told.
  func report(_ slot: UInt32) {
    guard let connection = openConnection(slot) else { return }
    let keyspace = keyspace(of: connection)
    if let previous = connections[slot].pointee.reportedIn, previous != keyspace {
      // It was anonymous there.
      connections[slot].pointee.reportedIn = nil
      relay.report(.disconnected(connection.client, nil))
    }
    switch reportedConnections[keyspace] {
    case .nobody: return
    case .users: if connection.user == nil { return }
    case .everybody: break
    }
    connections[slot].pointee.reportedIn = keyspace
    relay.report(.connected(connection))
  }

  private func keyspace(of connection: OpenConnection) -> KeyspaceIndex {
    configuration.keyspaces.index(of: connection.user, connection.client)
  }

  private func belongs(_ slot: UInt32, to keyspace: KeyspaceIndex) -> Bool {
    guard connections[slot].pointee.isInHub, let sender = hub.sender(connections.id(slot)) else { return false }
    return configuration.keyspaces.index(of: sender.user, sender.client) == keyspace
  }

  /// Tells a keyspace of its connections that are open, some at a time: it asks for the next when it has taken these.
  func reportBatch(of keyspace: KeyspaceIndex, from first: UInt32) {
    let end = min(connections.capacity, first + Self.reportSpan)
    var batch: [OpenConnection] = []
    var slot = first
    while slot < end, batch.count < Self.reportBatch {
      if belongs(slot, to: keyspace), let connection = openConnection(slot) {
        connections[slot].pointee.reportedIn = keyspace
        batch.append(connection)
      }
      slot += 1
    }
    relay.report(.openConnections(keyspace, batch, next: slot < connections.capacity ? slot : nil))
  }

  /// Tells the broker that a connection is gone, if it was told of it.
  func reportClosed(_ slot: UInt32) {
    guard connections[slot].pointee.reportedIn != nil, let sender = hub.sender(connections.id(slot)) else { return }
    connections[slot].pointee.reportedIn = nil
    relay.report(.disconnected(sender.client, sender.user))
  }

  func openConnection(_ slot: UInt32) -> OpenConnection? {
    guard connections[slot].pointee.isInHub, let sender = hub.sender(connections.id(slot)) else { return nil }
    return OpenConnection(
      client: sender.client, user: sender.user, address: connections[slot].pointee.address?.description,
      since: connections[slot].pointee.opened)
  }
}
