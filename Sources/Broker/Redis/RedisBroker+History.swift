import Cluster
import Model
import Reactor
import Redis

/// Histories that clients ask for.
extension RedisBroker {
  var streamScripts: StreamScripts { StreamScripts(keys: keys, run: run) }

  /// Something random, for where Redis has no seed.
  func newSeed() -> String { String(random.next(), radix: 36) }

  // MARK: For clients

  func readHistory(_ channel: ChannelName, _ query: HistoryQuery, _ caller: Caller) {
    let question = ReadQueue.Question(
      channel: channel, subject: .history(query), line: caller.isSubscribe ? .subscribes : .commands)
    guard isCommandReady else { return post(question, [caller], .failure(Self.unreadable)) }
    guard reads.add(caller, question) else { return post(question, [caller], .failure(.overloaded(nothing: "read"))) }
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
      case .clients(let question, let readers):
        switch question.subject {
        case .history(let query): read(query, question, readers)
        case .roster, .count: readRoster(question, readers)
        }
      }
    }
  }

  func ended(_ question: ReadQueue.Question? = nil) {
    reads.ended(question)
    readNext()
  }

  /// Reads what was asked: where the history stands and its first messages by the script, the rest by `readRest`.
  private func read(_ query: HistoryQuery, _ question: ReadQueue.Question, _ readers: [Caller]) {
    let epoch = continuity.epoch(of: question.channel)
    let end: (Result<HistoryRead, Refusal>) -> Void = { [unowned self] result in
      answer(question, readers, result, askedIn: epoch)
      ended(question)
    }
    let isRecovery = if case .recover = query { true } else { false }
    let call = streamScripts.read(
      question.channel, query, newSeed: newSeed(), maxBytes: configuration.maxHistoryBytes,
      maxEntries: isRecovery ? Self.firstPage : .max)
    let sent = scripts.run(call) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return end(.failure(Self.unreadable)) }
      if let error = reply.error {
        end(.failure(Self.unreadable))
        return complain(error)
      }
      guard var read = HistoryReply.read(reply) else { return end(.failure(Self.foreign)) }
      read.isReset = query.isOfAnotherEpoch(than: read.top)
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
    var page: Result<[HistoryEntry], Refusal> = .failure(Self.unreadable)
    let sent = commands.send(range) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return }
      if let error = reply.error { return complain(error) }
      page = HistoryReply.entries(reply).map { .success($0) } ?? .failure(Self.foreign)
    }
    // Asked after it: what was read is of this epoch if it still is one.
    let epoch = RedisCommand("HGET", keys.meta(channel), "epoch")
    let sentBoth =
      sent
      && commands.send(epoch) { [unowned self] outcome in
        guard case .reply(let reply) = outcome else { return end(.failure(Self.unreadable)) }
        switch page {
        case .failure(let refusal): end(.failure(refusal))
        case .success(let page) where reply.string == read.top.epoch && page.first?.offset == last.offset + 1:
          let longer = HistoryRead(top: read.top, entries: read.entries + page, isComplete: true)
          readRest(of: channel, behind: longer, then: end)
        case .success: end(.success(HistoryRead(top: read.top)))
        }
      }
    if !sentBoth { end(.failure(Self.unreadable)) }
  }

  /// `before`: the epoch of the channel's place when the read was asked.
  private func answer(
    _ question: ReadQueue.Question, _ readers: [Caller], _ result: Result<HistoryRead, Refusal>,
    askedIn before: String?
  ) {
    guard question.isForSubscribe, case .success(let read) = result else { return post(question, readers, result) }
    guard !continuity.hasOvertaken(read.top, askedIn: before, in: question.channel) else {
      return askAgain(question, readers)
    }
    // Asked after the channel was confirmed: a place to go on from.
    act(continuity.position(question.channel, read.top))
    releaseReads(question.channel)
    guard !continuity.hasReached(read.top, in: question.channel) else { return post(question, readers, result) }
    guard !continuity.hasLeft(read.top.epoch, in: question.channel) else { return askAgain(question, readers) }
    let waiting = WaitingReads.Read(
      question: question, readers: readers, read: read, epoch: continuity.epoch(of: question.channel), since: loop.now)
    if !waitingReads.add(waiting) { post(question, readers, .failure(.overloaded(nothing: "read"))) }
  }

  private func post(
    _ question: ReadQueue.Question, _ readers: [Caller], _ result: Result<HistoryRead, Refusal>
  ) {
    outlet.answer(result.map { .history(question.channel, $0) }, to: readers)
  }

  // MARK: Reads that were too fast

  /// Answers subscribes whose read was faster than what it tells of, and asks again for those of an epoch that is over.
  func releaseReads(_ channel: ChannelName) {
    guard !waitingReads.isEmpty else { return }
    let epoch = continuity.epoch(of: channel)
    for waiting in waitingReads.take(channel) {
      if continuity.hasReached(waiting.read.top, in: channel) {
        post(waiting.question, waiting.readers, .success(waiting.read))
      } else if epoch == waiting.epoch || epoch == waiting.read.top.epoch,
        !continuity.hasLeft(waiting.read.top.epoch, in: channel)
      {
        _ = waitingReads.add(waiting)
      } else {
        askAgain(waiting.question, waiting.readers)
      }
    }
  }

  private func askAgain(_ question: ReadQueue.Question, _ readers: [Caller]) {
    for reader in readers { _ = reads.add(reader, question) }
    readNext()
  }

  /// The command link is gone: what has not been asked is not asked any more.
  func refuseQueuedReads() {
    for (question, readers) in reads.takeQuestions() {
      switch question.subject {
      case .history: post(question, readers, .failure(Self.unreadable))
      case .roster, .count: wait(question, readers)
      }
    }
  }

  /// The link is down: nobody waits any longer.
  func refuseWaitingReads() {
    for waiting in waitingReads.takeAll() { post(waiting.question, waiting.readers, .failure(Self.unreadable)) }
  }

  func refuseReads(_ channel: ChannelName) {
    for waiting in waitingReads.take(channel) { post(waiting.question, waiting.readers, .failure(Self.unreadable)) }
  }

  /// What a read tells of comes at once, or is read when the subscription is back. Where it does not, what is missing is
  /// looked for, and whatever goes wrong, nobody waits for ever.
  func refuseOverdueReads() {
    guard !waitingReads.isEmpty else { return }
    for channel in waitingReads.late(now: loop.now) { act(continuity.recheck(channel)) }
    for waiting in waitingReads.takeOverdue(now: loop.now) {
      post(waiting.question, waiting.readers, .failure(Self.unreadable))
    }
  }
}
