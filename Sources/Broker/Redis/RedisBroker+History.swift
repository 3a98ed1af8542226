import Model
import Reactor
import Redis
import Wire

/// Histories: read for clients, and read by the node itself wherever a message is missing.
extension RedisBroker {
  var streamScripts: StreamScripts { StreamScripts(keys: keys, run: run) }

  /// An epoch for a channel that has none.
  func newEpoch() -> String { StreamPosition.beginning(using: &random).epoch }

  // MARK: For clients

  func readHistory(
    _ session: SessionID, _ channel: ChannelName, _ query: HistoryQuery, _ purpose: HistoryPurpose, _ loop: LoopIndex
  ) {
    let isForSubscribe = if case .subscribe = purpose { true } else { false }
    let question = ReadQueue.Question(channel: channel, query: query, isForSubscribe: isForSubscribe)
    let reader = ReadQueue.Reader(loop: loop, reader: HistoryReader(session: session, purpose: purpose))
    guard isCommandReady else { return answer(question, [reader], .failure(Self.unreadable)) }
    guard reads.add(reader, question) else { return answer(question, [reader], .failure(.overloaded(id: nil))) }
    readNext()
  }

  private static var unreadable: Refusal { Refusal(.unavailable, "The channel's history cannot be read now.") }
  private static var foreign: Refusal {
    Refusal(.internal, "Redis holds something under the channel's keys that is not Apus' own.")
  }

  /// Begins what may be read now; while a loop is far behind nothing is.
  func readNext() {
    // What cannot be sent ends at once, and would begin the next from within.
    guard !isReadingNext else { return }
    isReadingNext = true
    defer { isReadingNext = false }
    while isCommandReady, !outlet.isCongested, let job = reads.next() {
      switch job {
      case .missing(let channel): readMissing(channel)
      case .clients(let question, let readers): read(question, readers)
      }
    }
  }

  private func ended() {
    reads.ended()
    readNext()
  }

  /// Reads what was asked: where the history stands and its first messages by the script, the rest by `readRest`.
  private func read(_ question: ReadQueue.Question, _ readers: [ReadQueue.Reader]) {
    let end: (Result<HistoryRead, Refusal>) -> Void = { [unowned self] result in
      answer(question, readers, result)
      ended()
    }
    let isRecovery = if case .recover = question.query { true } else { false }
    let call = streamScripts.read(
      question.channel, question.query, newEpoch: newEpoch(), begins: question.isForSubscribe,
      maxEntries: isRecovery ? Self.firstPage : .max)
    let sent = scripts.run(call) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return end(.failure(Self.unreadable)) }
      if let error = reply.error {
        end(.failure(Self.unreadable))
        return complain(error)
      }
      guard let read = HistoryReply.read(reply) else { return end(.failure(Self.foreign)) }
      isRecovery ? readRest(of: question.channel, behind: read, then: end) : end(.success(read))
    }
    if !sent { end(.failure(Self.unreadable)) }
  }

  /// Messages that the script brings of a recovery: enough for most who come back.
  private static var firstPage: Int { 16 }

  /// Reads on behind the messages of a recovery until it has reached its top. A history that was trimmed, or begun anew,
  /// in between brings nothing at all.
  private func readRest(
    of channel: ChannelName, behind read: HistoryRead, then end: @escaping (Result<HistoryRead, Refusal>) -> Void
  ) {
    guard read.isComplete, let last = read.entries.last, last.offset < read.top.offset else {
      return end(.success(read))
    }
    // How large the next ones are nobody knows; mostly not larger than those before.
    let largest = read.entries.reduce(1) { max($0, $1.frame.count) }
    let count = min(read.top.offset - last.offset, max(1, HistoryRead.maxBytes / largest))
    let range = RedisCommand(
      "XRANGE", keys.history(channel), "\(last.offset + 1)-0", "\(read.top.offset)-0", "COUNT", String(count))
    var page: [HistoryEntry]?
    let sent = commands.send(range) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return }
      page = HistoryReply.entries(reply)
      if let error = reply.error { complain(error) }
    }
    // Asked after it: what was read is of this epoch if it still is one.
    let epoch = RedisCommand("HGET", keys.meta(channel), "epoch")
    let sentBoth =
      sent
      && commands.send(epoch) { [unowned self] outcome in
        guard case .reply(let reply) = outcome else { return end(.failure(Self.unreadable)) }
        guard let page else { return end(.failure(Self.foreign)) }
        guard reply.string == read.top.epoch, page.first?.offset == last.offset + 1 else {
          return end(.success(HistoryRead(top: read.top)))
        }
        readRest(
          of: channel, behind: HistoryRead(top: read.top, entries: read.entries + page, isComplete: true), then: end)
      }
    if !sentBoth { end(.failure(Self.unreadable)) }
  }

  private func answer(
    _ question: ReadQueue.Question, _ readers: [ReadQueue.Reader], _ result: Result<HistoryRead, Refusal>
  ) {
    guard question.isForSubscribe, case .success(let read) = result else { return post(question, readers, result) }
    // Asked after the channel was confirmed: a place to go on from.
    act(continuity.position(question.channel, read.top))
    releaseReads(question.channel)
    guard !continuity.hasReached(read.top, in: question.channel) else { return post(question, readers, result) }
    let waiting = WaitingReads.Read(
      question: question, readers: readers, read: read, epoch: continuity.epoch(of: question.channel), since: loop.now)
    if !waitingReads.add(waiting) { post(question, readers, .failure(.overloaded(id: nil))) }
  }

  private func post(
    _ question: ReadQueue.Question, _ readers: [ReadQueue.Reader], _ result: Result<HistoryRead, Refusal>
  ) {
    for loop in Set(readers.map(\.loop)) {
      let asking = readers.filter { $0.loop == loop }.map(\.reader)
      outlet.post(.history(question.channel, asking, result), to: loop)
    }
  }

  // MARK: Reads that were too fast

  /// Answers subscribes whose read was faster than what it tells of, and asks again for those of an epoch that is over.
  private func releaseReads(_ channel: ChannelName) {
    guard !waitingReads.isEmpty else { return }
    let epoch = continuity.epoch(of: channel)
    for waiting in waitingReads.take(channel) {
      if continuity.hasReached(waiting.read.top, in: channel) {
        post(waiting.question, waiting.readers, .success(waiting.read))
      } else if epoch == waiting.epoch || epoch == waiting.read.top.epoch {
        _ = waitingReads.add(waiting)
      } else {
        for reader in waiting.readers { _ = reads.add(reader, waiting.question) }
      }
    }
    readNext()
  }

  /// The command link is gone: what has not been asked is not asked any more.
  func refuseQueuedReads() {
    for (question, readers) in reads.takeQuestions() { post(question, readers, .failure(Self.unreadable)) }
  }

  /// The link is down: nobody waits any longer.
  func refuseWaitingReads() {
    for waiting in waitingReads.takeAll() { post(waiting.question, waiting.readers, .failure(Self.unreadable)) }
  }

  private func refuseReads(_ channel: ChannelName) {
    for waiting in waitingReads.take(channel) { post(waiting.question, waiting.readers, .failure(Self.unreadable)) }
  }

  /// What a read tells of comes at once, or is read when the subscription is back; whatever goes wrong, nobody waits
  /// for ever.
  func refuseOverdueReads() {
    for waiting in waitingReads.takeOverdue(now: loop.now) {
      post(waiting.question, waiting.readers, .failure(Self.unreadable))
    }
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
  private func readMissing(_ channel: ChannelName) {
    guard let catchUp = catchUps[channel], catchUp.life != life else { return ended() }
    catchUps[channel]?.life = life
    let query = HistoryQuery.after(.position(catchUp.from), limit: Continuity.page)
    let sent = scripts.run(streamScripts.read(channel, query, newEpoch: newEpoch())) { [unowned self] outcome in
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
