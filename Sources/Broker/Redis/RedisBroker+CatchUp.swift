import Model
import Protocol
import Redis

/// Histories that the node reads itself, wherever a message is missing.
extension RedisBroker {
  /// A message that has a place has come.
  func receivedKept(_ item: Continuity.Item, _ channel: ChannelName) {
    switch continuity.received(channel, item) {
    case .deliver: deliver(item, channel)
    case .withhold: break
    case .act(let actions): for action in actions { act(action) }
    }
    releaseReads(channel)
  }

  /// Nobody here listens to the channel any more.
  func forgetHistory(_ channel: ChannelName) {
    continuity.forget(channel)
    _ = waitingReads.take(channel)
    if catchUps.removeValue(forKey: channel) != nil { checkReady() }
  }

  func act(_ action: Continuity.Action?) {
    switch action {
    case nil: break
    case .deliver(let channel, let items): for item in items { deliver(item, channel) }
    case .gap(let channel, let position):
      gaps += 1
      deliver(channel, EventEncoder.gap(channel: channel, position), mark: .gap(position), .listeners, excluding: nil)
    case .read(let channel, let from, let serial):
      catchUps[channel] = CatchUp(from: from, serial: serial)
      reads.add(missing: channel)
      readNext()
    }
  }

  private func deliver(_ item: Continuity.Item, _ channel: ChannelName) {
    deliver(channel, item.frame, mark: .message(item.position), .listeners, excluding: item.excluded)
  }

  /// Asks for everything that is missing anywhere, after a lost link.
  func readEverythingMissing() {
    for channel in catchUps.keys { reads.add(missing: channel) }
    readNext()
  }

  /// Reads on where a channel's listeners are; one that stands in line twice is read once.
  func readMissing(_ channel: ChannelName) {
    guard let catchUp = catchUps[channel], catchUp.life != life else { return ended() }
    catchUps[channel]?.life = life
    let query = HistoryQuery.after(.position(catchUp.from), limit: Continuity.page)
    let sent = scripts.run(streamScripts.read(channel, query, newSeed: newSeed())) { [unowned self] outcome in
      defer { ended() }
      // Without an answer it is asked again when the link is back.
      guard case .reply(let reply) = outcome, catchUps[channel]?.serial == catchUp.serial else { return }
      catchUps[channel] = nil
      let result: Result<HistoryRead, any Error>
      if let read = reply.error == nil ? HistoryReply.read(reply) : nil {
        result = .success(read)
      } else {
        result = .failure(Refusal(.unavailable, "The history cannot be read."))
        if let error = reply.error { complain(error) }
      }
      for action in continuity.read(channel, serial: catchUp.serial, result) { act(action) }
      releaseReads(channel)
      if case .failure = result { refuseReads(channel) }
      checkReady()
    }
    if !sent {
      commands.reset("it takes nothing more")
      ended()
    }
  }

  /// A read for what is missing in a channel.
  struct CatchUp {
    let from: StreamPosition
    let serial: UInt64
    /// In which life of the command link it was asked for.
    var life: UInt64?
  }
}
