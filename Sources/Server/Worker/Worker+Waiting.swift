import Model
import Reactor
import WebSocket

/// What waits beside the outboxes: it goes out as there is room, and what is newer of its channel waits behind it.
extension Worker {
  func replay(_ entries: [HistoryEntry], under epoch: String, _ channel: ChannelName, _ slot: UInt32) {
    guard mayWait(slot) else { return }
    waiting[slot, default: Waiting()].append(entries, under: epoch, of: channel)
    connections[slot].pointee.hasWaiting = true
    _ = releaseWaiting(slot)
  }

  /// Whether anything may be kept for a connection: not after our close frame.
  func mayWait(_ slot: UInt32) -> Bool {
    connections[slot].pointee.phase == .open && connections[slot].pointee.closing.isOpen
  }

  /// Lets go as much as the outbox has room for; true when there was anything.
  func releaseWaiting(_ slot: UInt32) -> Bool {
    guard var left = waiting.removeValue(forKey: slot) else { return false }
    let hasMoved = left.release(
      isHalfFree: { connections[slot].pointee.outbox.count <= configuration.maxOutbox / 2 },
      hasRoom: { hasRoom(for: $0, slot) }, send: { send($0, to: slot) })
    keep(left, slot)
    return hasMoved
  }

  /// Bytes of recoveries that wait for a connection.
  func recoveryBytes(_ slot: UInt32) -> Int {
    waiting[slot]?.recoveryBytes ?? 0
  }

  /// The client does not want the channel any more.
  func forgetWaiting(_ channel: ChannelName, _ slot: UInt32) {
    guard var left = waiting.removeValue(forKey: slot) else { return }
    left.forget(channel)
    keep(left, slot)
  }

  /// Nothing more will be sent to the client.
  func forgetWaiting(_ slot: UInt32) {
    guard connections[slot].pointee.hasWaiting else { return }
    connections[slot].pointee.hasWaiting = false
    waiting[slot] = nil
  }

  private func keep(_ left: Waiting, _ slot: UInt32) {
    connections[slot].pointee.hasWaiting = !left.isEmpty
    if !left.isEmpty { waiting[slot] = left }
  }
}
