import Cluster
import Model
import Protocol
import Reactor
import Redis

/// Who reads rosters, which stand in line with the histories.
protocol RosterReader: AnyObject {
  func read(_ request: ReadQueue.Request, for callers: [Caller])
  /// What was asked could not be read for now.
  func postpone(_ request: ReadQueue.Request, for callers: [Caller])
}

/// The histories of a keyspace: what is missing in them is read by the node itself, and what clients ask for is answered.
final class ChannelStreams {
  static let unreadable = Refusal(.unavailable, "The channel's history cannot be read now.")
  static let foreign = Refusal(
    .internal, "The channel's keys in Redis hold data that is not from Apus.")
  /// Messages that the script brings of a recovery: enough for most who come back.
  private static let firstPage = 16

  /// A read for what is missing in a channel.
  private struct CatchUp {
    let from: StreamPosition
    let serial: UInt64
    /// In which life of the command link it was asked for.
    var generation: UInt64?
  }

  private unowned let context: KeyspaceContext
  private unowned let lease: NodeLease
  private unowned let subscriptions: ChannelSubscriptions
  private unowned let rosters: any RosterReader
  /// Called when nothing is missing any more that was.
  private let onCaughtUp: () -> Void
  private let recoveries: RecoveryReader
  private var continuity = Continuity()
  /// Reads that wait for their turn, rosters among them.
  private var reads: ReadQueue
  private var isReadingNext = false
  /// Reads of what is missing that have not been answered.
  private var catchUps: [ChannelName: CatchUp] = [:]
  /// Reads for subscribes that wait for the messages they tell of.
  private var earlyReads: EarlyReads
  /// Gaps that were told.
  private(set) var gaps = 0

  init(
    _ context: KeyspaceContext, _ lease: NodeLease, _ subscriptions: ChannelSubscriptions,
    rosters: any RosterReader, onCaughtUp: @escaping () -> Void
  ) {
    self.context = context
    self.lease = lease
    self.subscriptions = subscriptions
    self.rosters = rosters
    self.onCaughtUp = onCaughtUp
    recoveries = RecoveryReader(context)
    reads = ReadQueue(limit: context.links.isInCluster ? ReadQueue.maxUnderWayInPartition : ReadQueue.maxUnderWay)
    earlyReads = EarlyReads(sharing: context.shares.earlyReads)
  }

  private var scripts: StreamScripts { StreamScripts(keys: context.keys, run: lease.run) }

  /// Whether all that was missed has been read.
  var isCaughtUp: Bool { catchUps.isEmpty }

  // MARK: The subscriptions

  func attached(_ channel: ChannelName) {
    act(continuity.attached(channel))
  }

  /// A message that has a position has come.
  func received(_ item: Continuity.Item, _ channel: ChannelName) {
    switch continuity.received(channel, item) {
    case .deliver: if let event = item.event { subscriptions.deliver(event, channel) }
    case .withhold: break
    case .act(let actions): for action in actions { act(action) }
    }
    releaseReads(channel)
  }

  /// The history was thrown away and goes on after that position: listeners are told by a gap.
  func cleared(at position: StreamPosition, _ channel: ChannelName) {
    act(continuity.stood(channel, at: position, askedAt: nil))
    releaseReads(channel)
  }

  /// Nobody here listens to the channel any more.
  func forget(_ channel: ChannelName) {
    continuity.forget(channel)
    _ = earlyReads.take(channel)
    if catchUps.removeValue(forKey: channel) != nil { onCaughtUp() }
  }

  /// Every subscription is gone; what is still listened to comes back.
  func subscriptionsLost() {
    continuity.lost()
    continuity.forget(allBut: { subscriptions.isHeard($0) })
    catchUps = [:]
    reads.forgetMissing()
    earlyReads.forget(allBut: { subscriptions.isHeard($0) })
  }

  private func act(_ action: Continuity.Action?) {
    switch action {
    case nil: break
    case .deliver(let channel, let events): for event in events { subscriptions.deliver(event, channel) }
    case .gap(let channel, let position):
      gaps += 1
      subscriptions.deliver(.gap(in: channel, upTo: position), channel)
    case .read(let channel, let from, let serial):
      catchUps[channel] = CatchUp(from: from, serial: serial)
      reads.add(missing: channel)
      readNext()
    }
  }

  // MARK: What is missing

  /// Asks for everything that is missing anywhere, after a lost link.
  func readEverythingMissing() {
    for channel in catchUps.keys { reads.add(missing: channel) }
    readNext()
  }

  /// Reads on where a channel's listeners are; one that stands in line twice is read once.
  private func readMissing(_ channel: ChannelName) {
    guard let catchUp = catchUps[channel], catchUp.generation != context.generation else { return ended() }
    catchUps[channel]?.generation = context.generation
    let query = HistoryQuery.after(.position(catchUp.from), limit: Continuity.page)
    let call = scripts.read(channel, query, newSeed: context.newSeed())
    let sent = context.links.run(call) { [unowned self] outcome in
      defer { ended() }
      // Without an answer it is asked again when the link is back.
      guard case .reply(let reply) = outcome, catchUps[channel]?.serial == catchUp.serial else { return }
      catchUps[channel] = nil
      let result: Result<HistoryRead, any Error>
      if let read = reply.error == nil ? HistoryReply.read(reply, of: channel, context.eventCheck) : nil {
        result = .success(read)
      } else {
        result = .failure(Refusal(.unavailable, "The history cannot be read."))
        if let error = reply.error { context.handle(serverError: error) }
      }
      for action in continuity.read(channel, serial: catchUp.serial, result) { act(action) }
      releaseReads(channel)
      if case .failure = result { refuseReads(channel) }
      onCaughtUp()
    }
    if !sent {
      context.links.resetCommands("it cannot take any more")
      ended()
    }
  }

  // MARK: The line

  /// Puts somebody in line; false when too many are.
  func add(_ callers: [Caller], _ request: ReadQueue.Request) -> Bool {
    reads.add(callers, request)
  }

  /// Begins what may be read now; while a loop is far behind nothing is.
  func readNext() {
    // What cannot be sent ends at once, and would begin the next from within.
    guard !isReadingNext else { return }
    isReadingNext = true
    defer { isReadingNext = false }
    while context.isReady, !context.outlet.isCongested, let job = reads.next() {
      switch job {
      case .missing(let channel): readMissing(channel)
      case .clients(let request, let callers):
        switch request.subject {
        case .history(let query): read(query, request, callers)
        case .roster, .count: rosters.read(request, for: callers)
        }
      }
    }
  }

  /// A read has come to its end, one way or another.
  func ended(_ request: ReadQueue.Request? = nil) {
    reads.ended(request)
    readNext()
  }

  // MARK: For clients

  func read(_ channel: ChannelName, _ query: HistoryQuery, _ caller: Caller) {
    let request = ReadQueue.Request(
      channel: channel, subject: .history(query), line: caller.isSubscribe ? .subscribes : .commands)
    guard context.isReady else { return post(request, [caller], .failure(Self.unreadable)) }
    guard reads.add(caller, request) else { return post(request, [caller], .failure(.overloaded(nothing: "read"))) }
    readNext()
  }

  /// Reads what was asked: where the history stands and its first messages by the script, the rest by `readRest`.
  private func read(_ query: HistoryQuery, _ request: ReadQueue.Request, _ callers: [Caller]) {
    let position = continuity.position(of: request.channel)
    let end: (Result<HistoryRead, Refusal>) -> Void = { [unowned self] result in
      answer(request, callers, result, askedAt: position)
      ended(request)
    }
    let isRecovery = if case .recover = query { true } else { false }
    let call = scripts.read(
      request.channel, query, newSeed: context.newSeed(), maxBytes: context.configuration.maxHistoryBytes,
      maxEntries: isRecovery ? Self.firstPage : .max)
    let sent = context.links.run(call) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else { return end(.failure(Self.unreadable)) }
      if let error = reply.error {
        end(.failure(error.isOfForeignData ? Self.foreign : Self.unreadable))
        return context.handle(serverError: error)
      }
      guard var read = HistoryReply.read(reply, of: request.channel, context.eventCheck) else {
        return end(.failure(Self.foreign))
      }
      read.isReset = query.isOfAnotherEpoch(than: read.latest)
      isRecovery ? recoveries.readRest(of: request.channel, behind: read, then: end) : end(.success(read))
    }
    if !sent { end(.failure(Self.unreadable)) }
  }

  /// `before`: the channel's position when the read was asked.
  private func answer(
    _ request: ReadQueue.Request, _ callers: [Caller], _ result: Result<HistoryRead, Refusal>,
    askedAt before: StreamPosition?
  ) {
    guard request.isForSubscribe, case .success(let read) = result else { return post(request, callers, result) }
    guard !continuity.hasOvertaken(read.latest, askedAt: before, in: request.channel) else {
      return askAgain(request, callers)
    }
    // Asked after the channel was confirmed: a position to go on from.
    act(continuity.stood(request.channel, at: read.latest, askedAt: before))
    releaseReads(request.channel)
    guard !continuity.hasReached(read.latest, in: request.channel) else { return post(request, callers, result) }
    guard !continuity.hasLeft(read.latest.epoch, in: request.channel) else { return askAgain(request, callers) }
    let waiting = EarlyReads.Read(
      request: request, readers: callers, read: read, epoch: continuity.position(of: request.channel)?.epoch,
      since: context.loop.now)
    if !earlyReads.add(waiting) { post(request, callers, .failure(.overloaded(nothing: "read"))) }
  }

  private func post(_ request: ReadQueue.Request, _ callers: [Caller], _ result: Result<HistoryRead, Refusal>) {
    context.outlet.answer(result.map { .history(request.channel, $0) }, to: callers)
  }

  // MARK: Reads that were too fast

  /// Answers subscribes whose read was faster than what it tells of, and asks again for those of an epoch that is over.
  private func releaseReads(_ channel: ChannelName) {
    guard !earlyReads.isEmpty else { return }
    let epoch = continuity.position(of: channel)?.epoch
    for waiting in earlyReads.take(channel) {
      if continuity.hasReached(waiting.read.latest, in: channel) {
        post(waiting.request, waiting.readers, .success(waiting.read))
      } else if epoch == waiting.epoch || epoch == waiting.read.latest.epoch,
        !continuity.hasLeft(waiting.read.latest.epoch, in: channel)
      {
        _ = earlyReads.add(waiting)
      } else {
        askAgain(waiting.request, waiting.readers)
      }
    }
  }

  private func askAgain(_ request: ReadQueue.Request, _ callers: [Caller]) {
    for caller in callers { _ = reads.add(caller, request) }
    readNext()
  }

  private func refuseReads(_ channel: ChannelName) {
    for waiting in earlyReads.take(channel) { post(waiting.request, waiting.readers, .failure(Self.unreadable)) }
  }

  /// What a read tells of comes at once, or is read when the subscription is back. Where it does not, what is missing is
  /// looked for, and whatever goes wrong, nobody waits for ever.
  func refuseOverdueReads() {
    guard !earlyReads.isEmpty else { return }
    for channel in earlyReads.late(now: context.loop.now) { act(continuity.recheck(channel)) }
    for waiting in earlyReads.takeOverdue(now: context.loop.now) {
      post(waiting.request, waiting.readers, .failure(Self.unreadable))
    }
  }

  // MARK: While the link is away

  /// The command link is gone: what has not been asked is not asked any more.
  func refuseQueuedReads() {
    for (request, callers) in reads.takeRequests() {
      switch request.subject {
      case .history: post(request, callers, .failure(Self.unreadable))
      case .roster, .count: rosters.postpone(request, for: callers)
      }
    }
  }

  /// The link is down: nobody waits any longer.
  func refuseWaitingReads() {
    for waiting in earlyReads.takeAll() { post(waiting.request, waiting.readers, .failure(Self.unreadable)) }
  }
}

@available(*, unavailable)
extension ChannelStreams: Sendable {}
