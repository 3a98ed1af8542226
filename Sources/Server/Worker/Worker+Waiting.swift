import Hub
import Model
import Reactor
import WebSocket
import Wire

/// What waits beside the outboxes: it goes out as there is room, and what is newer of its channel waits behind it.
extension Worker {
  func replay(_ entries: [HistoryEntry], under epoch: String, _ channel: ChannelName, _ slot: UInt32) {
    guard mayWait(slot) else { return }
    waiting[slot, default: Waiting()].append(entries, under: epoch, of: channel)
    connections[slot].pointee.hasWaiting = true
    _ = releaseWaiting(slot)
  }

  /// Sends an answer that may be large: it waits where there is no room, since who asks for several reads them one by one.
  func send(answer: Frame, to slot: UInt32) {
    if waiting[slot]?.answerBytes ?? 0 == 0, hasRoom(for: answer.count, slot) { return send(answer, to: slot) }
    guard mayWait(slot) else { return }
    guard mayWait(answer.count, slot) else { return closeAsTooSlow(slot) }
    waiting[slot, default: Waiting()].append(answer: answer)
    connections[slot].pointee.hasWaiting = true
    _ = releaseWaiting(slot)
  }

  /// Whether so many bytes of an answer may wait behind others; a single one may in any case.
  private func mayWait(_ count: Int, _ slot: UInt32) -> Bool {
    let bytes = waiting[slot]?.answerBytes ?? 0
    return bytes == 0 || bytes + count <= 4 * min(configuration.maxOutbox, .max / 4)
  }

  /// Sends what was read of a history, unless too many answers wait to be read.
  func send(_ read: HistoryRead, of channel: ChannelName, id: RequestID?, to slot: UInt32) {
    // In base64 binary messages are larger by a third.
    guard mayWait(read.byteCount * 4 / 3, slot) else {
      let message = "Read the answers that you have asked for first."
      return reply(.error(Refusal(id: id, .rateLimited, message, retryAfter: 1000)), slot)
    }
    send(answer: EventEncoder.history(id: id, channel: channel, read), to: slot)
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
