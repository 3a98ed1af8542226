import Model
import Redis
import Wire

/// Histories: read for clients, and read by the node itself wherever a message is missing.
extension RedisBroker {
  var streamScripts: StreamScripts { StreamScripts(keys: keys, run: runID) }

  /// An epoch for a channel that has none.
  func newEpoch() -> String { StreamPosition.beginning(using: &random).epoch }

  // MARK: For clients

  func readHistory(
    _ session: SessionID, _ channel: ChannelName, _ query: HistoryQuery, _ purpose: HistoryPurpose, _ loop: LoopIndex
  ) {
    let answer: (Result<HistoryRead, Refusal>) -> Void = { [unowned self] result in
      if case .subscribe = purpose, case .success(let read) = result {
        // Asked after the channel was confirmed: a place to go on from.
        act(continuity.position(channel, read.top))
        if !continuity.hasReached(read.top, in: channel) {
          return waitingReads[channel, default: []].append(
            WaitingRead(session: session, loop: loop, purpose: purpose, read: read))
        }
      }
      outlet.post(.history(session, channel, purpose, result), to: loop)
    }
    let unreachable = Refusal(.unavailable, "The channel's history cannot be read now.")
    guard isCommandReady else { return answer(.failure(unreachable)) }
    let sent = scripts.run(streamScripts.read(channel, query, newEpoch: newEpoch())) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return answer(.failure(unreachable)) }
      if let error = reply.error {
        answer(.failure(unreachable))
        return complain(error)
      }
      guard let read = HistoryReply.read(reply) else {
        let message = "Redis holds something under the channel's keys that is not Apus' own."
        return answer(.failure(Refusal(.internal, message)))
      }
      answer(.success(read))
    }
    if !sent { answer(.failure(unreachable)) }
  }

  // MARK: What is missing

  /// A message that has a place has come.
  func receivedKept(_ item: Continuity.Item, _ channel: ChannelName) {
    switch continuity.received(channel, item) {
    case .deliver: deliver(item, channel)
    case .withhold: break
    case .act(let actions): for action in actions { act(action) }
    }
    releaseReads(channel)
  }

  /// Answers subscribes whose read was faster than what it tells of.
  private func releaseReads(_ channel: ChannelName) {
    guard !waitingReads.isEmpty, let waiting = waitingReads.removeValue(forKey: channel) else { return }
    let (ready, rest) = (
      waiting.filter { continuity.hasReached($0.read.top, in: channel) },
      waiting.filter { !continuity.hasReached($0.read.top, in: channel) }
    )
    if !rest.isEmpty { waitingReads[channel] = rest }
    for wait in ready { outlet.post(.history(wait.session, channel, wait.purpose, .success(wait.read)), to: wait.loop) }
  }

  /// The link is down: nobody waits any longer.
  func refuseWaitingReads() {
    for channel in Array(waitingReads.keys) { refuseReads(channel) }
  }

  private func refuseReads(_ channel: ChannelName) {
    let refusal = Refusal(.unavailable, "The channel's history cannot be read now.")
    for wait in waitingReads.removeValue(forKey: channel) ?? [] {
      outlet.post(.history(wait.session, channel, wait.purpose, .failure(refusal)), to: wait.loop)
    }
  }

  /// Nobody here listens to the channel any more.
  func forgetHistory(_ channel: ChannelName) {
    continuity.forget(channel)
    waitingReads[channel] = nil
    catchUps[channel] = nil
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
      if isCommandReady { readMissing(channel) }
    }
  }

  private func deliver(_ item: Continuity.Item, _ channel: ChannelName) {
    deliver(channel, item.frame, mark: .message(item.position), .listeners, excluding: item.excluded)
  }

  /// Asks for everything that is missing anywhere, after a lost link.
  func readEverythingMissing() {
    for channel in catchUps.keys { readMissing(channel) }
  }

  private func readMissing(_ channel: ChannelName) {
    guard let catchUp = catchUps[channel] else { return }
    let query = HistoryQuery.recover(.position(catchUp.from))
    let sent = scripts.run(streamScripts.read(channel, query, newEpoch: newEpoch())) { [unowned self] outcome in
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
    if !sent { commands.reset("it takes nothing more") }
  }

  /// A read for a subscribe that has come by the command link before the messages that it tells of have come by the other:
  /// they are for those who listened before, and must not come behind the answer.
  struct WaitingRead {
    let session: SessionID
    let loop: LoopIndex
    let purpose: HistoryPurpose
    let read: HistoryRead
  }

  /// A read for what is missing in a channel.
  struct CatchUp {
    let from: StreamPosition
    let serial: UInt64
  }
}
