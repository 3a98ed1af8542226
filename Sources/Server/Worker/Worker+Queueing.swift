import DequeModule
import Model
import Reactor

/// Connections that are not open yet, or no more, stand in line; open ones are served at once.
///
/// A handshake, or an end, costs the node several times what a message does, and thousands of them may come together,
/// from clients that all reconnect or from one that means harm, and run out of time together. So few are dealt with in a
/// turn, and the messages of that turn leave in between.
extension Worker {
  /// Handshakes and ends in one turn.
  private static let perTurn = 8

  /// Puts a connection in line, to be read or written as it is ready, or to be refused because its time is over.
  func enqueue(_ readiness: Readiness, isLate: Bool = false, _ slot: UInt32) {
    let connection = connections[slot]
    connection.pointee.awaiting.formUnion(readiness)
    if isLate { connection.pointee.isLate = true }
    guard !connection.pointee.isQueued else { return }
    connection.pointee.isQueued = true
    reception.queue.append(connections.id(slot))
    if reception.queue.count == 1 { loop.atEndOfTurn { [unowned self] in serveQueue() } }
  }

  private func serveQueue() {
    for _ in 0..<Self.perTurn {
      guard let session = reception.queue.popFirst() else { return }
      // It may have ended meanwhile, and its slot have another one, which stands in line by itself.
      guard connections.contains(session) else { continue }
      let connection = connections[session.slot]
      let readiness = connection.pointee.awaiting
      connection.pointee.awaiting = []
      connection.pointee.isQueued = false
      serve(readiness, session.slot)
    }
    if !reception.queue.isEmpty { loop.atNextTurn { [unowned self] in serveQueue() } }
  }

  private func serve(_ readiness: Readiness, _ slot: UInt32) {
    switch connections[slot].pointee.phase {
    case .free: break
    case .peeking where connections[slot].pointee.isLate, .handshaking where connections[slot].pointee.isLate:
      handshakeTimedOut(slot)
    case .peeking: peek(slot, isOver: readiness.isPeerGone)
    case .handshaking: receive(slot)
    // It may have been opened while it stood in line.
    case .open, .ending: serveNow(readiness, slot)
    }
  }

  /// Reads and writes as the descriptor is ready for it.
  func serveNow(_ readiness: Readiness, _ slot: UInt32) {
    if readiness.contains(.writable) { delivery.markDirty(slot) }
    if readiness.wantsReading { receive(slot) }
  }
}
