import Model
import Protocol
import WebSocket

/// What waits beside the outboxes: it goes out as there is room, and what is newer of its channel waits behind it.
extension Delivery {
  func replay(_ entries: [HistoryEntry], under epoch: String, _ channel: ChannelName, _ slot: UInt32) {
    guard mayDefer(slot) else { return }
    waiting[slot, default: DeferredSends()].append(entries, under: epoch, of: channel)
    connections[slot].pointee.hasDeferred = true
    _ = releaseDeferred(slot)
  }

  /// What stands around an answer's content, its type and `id`, has fewer bytes and is not counted.
  private static var envelope: Int { 1024 }

  /// Sends an answer that may be large; returns why not, where it is not sent. It waits where there is no room, since who
  /// asks for several reads them one by one. `content` is about how many bytes it has, so that one that cannot be sent need
  /// not be made.
  func send(answer: Reply, of content: Int = 0, to slot: UInt32) -> Refusal? {
    if let refusal = obstacle(content, slot) { return refusal }
    let answer = connections[slot].pointee.encoding.frame(of: answer)
    if let refusal = obstacle(answer.count, slot) { return refusal }
    if waiting[slot]?.answerBytes ?? 0 == 0, makeRoom(for: answer.count, slot) {
      send(answer, to: slot)
      return nil
    }
    guard mayDefer(slot) else { return nil }
    waiting[slot, default: DeferredSends()].append(answer: answer)
    connections[slot].pointee.hasDeferred = true
    _ = releaseDeferred(slot)
    return nil
  }

  /// Why an answer of so many bytes is not sent: none is larger than an outbox, since each is made for one connection alone and
  /// held for as long as nobody reads it; and not too many wait.
  private func obstacle(_ count: Int, _ slot: UInt32) -> Refusal? {
    let limit = configuration.maxOutbox
    guard count - Self.envelope <= limit else { return .answerTooLarge(limit) }
    guard (waiting[slot]?.answerBytes ?? 0) + count - Self.envelope <= 4 * min(limit, .max / 4) else {
      return .tooManyAnswers
    }
    return nil
  }

  /// Whether anything may be kept for a connection: not after our close frame.
  func mayDefer(_ slot: UInt32) -> Bool {
    connections[slot].pointee.phase == .open && connections[slot].pointee.closing.isOpen
  }

  /// Lets go as much as the outbox has room for; true when there was anything.
  func releaseDeferred(_ slot: UInt32) -> Bool {
    guard var left = waiting.removeValue(forKey: slot) else { return false }
    let hasMoved = left.release(
      frame: { positioned(connections[slot].pointee.encoding.frame(of: $0), $1, $0.position, slot) },
      isHalfFree: { connections[slot].pointee.outbox.count <= configuration.maxOutbox / 2 },
      hasRoom: { makeRoom(for: $0, slot) }, send: { send($0, to: slot) },
      sent: { move(slot, $1, to: $0.position) })
    keep(left, slot)
    return hasMoved
  }

  /// Bytes of recoveries that wait for a connection.
  func recoveryBytes(_ slot: UInt32) -> Int {
    waiting[slot]?.recoveryBytes ?? 0
  }

  /// Where the client stands in the channel, as long as something of its history waits.
  func position(in channel: ChannelName, _ slot: UInt32) -> StreamPosition? {
    waiting[slot]?.position(in: channel)
  }

  /// The client does not want the channel any more.
  func forgetDeferred(_ channel: ChannelName, _ slot: UInt32) {
    guard var left = waiting.removeValue(forKey: slot) else { return }
    left.forget(channel)
    keep(left, slot)
  }

  /// Nothing more will be sent to the client.
  func forgetDeferred(_ slot: UInt32) {
    guard connections[slot].pointee.hasDeferred else { return }
    connections[slot].pointee.hasDeferred = false
    waiting[slot] = nil
  }

  private func keep(_ left: DeferredSends, _ slot: UInt32) {
    connections[slot].pointee.hasDeferred = !left.isEmpty
    if !left.isEmpty { waiting[slot] = left }
  }
}

extension Refusal {
  fileprivate static func answerTooLarge(_ limit: Int) -> Refusal {
    Refusal(.tooLarge, "The answer is larger than \(limit) bytes (--max-outbox).")
  }

  fileprivate static var tooManyAnswers: Refusal {
    Refusal(.rateLimited, "Read the answers that you asked for first.", retryAfter: 1000)
  }
}
