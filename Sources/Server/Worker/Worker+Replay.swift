import Model
import Reactor
import WebSocket

/// Messages that clients have missed: they go out as the outbox has room, and whatever is newer waits behind them.
extension Worker {
  func replay(_ entries: [HistoryEntry], _ channel: ChannelName, _ slot: UInt32) {
    guard connections[slot].pointee.phase == .open, connections[slot].pointee.closing.isOpen else { return }
    replays[slot, default: Replay()].append(entries, of: channel)
    connections[slot].pointee.isReplaying = true
    _ = continueReplay(slot)
  }

  /// A new event for a connection that is still given the old ones.
  func putBehindReplay(_ frame: Frame, _ channel: ChannelName, _ slot: UInt32) {
    guard replays[slot]?.append(behind: frame, of: channel) != true else { return }
    // It may recover what does not fit: as whoever is too slow.
    tooSlow.append(slot)
  }

  /// Lets go as much as the outbox has room for; true when there was anything.
  ///
  /// Half of the outbox stays free, for replies and for other channels.
  func continueReplay(_ slot: UInt32) -> Bool {
    guard var replay = replays.removeValue(forKey: slot) else { return false }
    var hasMoved = false
    while let frame = replay.next, connections[slot].pointee.outbox.count <= configuration.maxOutbox / 2,
      hasRoom(for: frame.count, slot)
    {
      replay.removeNext()
      send(frame, to: slot)
      hasMoved = true
    }
    connections[slot].pointee.isReplaying = !replay.isEmpty
    if !replay.isEmpty { replays[slot] = replay }
    return hasMoved
  }
}
