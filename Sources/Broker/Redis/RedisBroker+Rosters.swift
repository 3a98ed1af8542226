import Cluster
import Model
import Reactor
import Redis

/// Who is in a channel, for those who enter it, ask, or watch; read in line with the histories.
extension RedisBroker {
  static var unreachable: Refusal {
    Refusal(.unavailable, "The channel's presence cannot be reached now; nothing was subscribed.")
  }
  private static var unreadable: Refusal { Refusal(.unavailable, "The channel's presence cannot be reached now.") }

  // MARK: Questions

  func queryPresence(_ channel: ChannelName, onlyCount: Bool, _ caller: Caller) {
    let question = ReadQueue.Question(channel: channel, subject: onlyCount ? .count : .roster, line: .commands)
    guard isCommandReady else { return refuse(question, [caller]) }
    guard reads.add(caller, question) else { return post(question, [caller], .failure(.overloaded(nothing: "read"))) }
    readNext()
  }

  /// Asks for who is there on behalf of somebody who has been entered, or only watches.
  func askRoster(_ entry: Entry) {
    guard let caller = entry.caller else { return }
    ask(ReadQueue.Question(channel: entry.channel, subject: .roster, line: .subscribes), [caller])
  }

  /// Reads a channel's roster and tells its watchers.
  func tellRoster(_ channel: ChannelName) {
    ask(ReadQueue.Question(channel: channel, subject: .roster, line: .watchers), [])
  }

  private func ask(_ question: ReadQueue.Question, _ readers: [Caller]) {
    // Only commands are too many.
    _ = reads.add(readers, question)
    readNext()
  }

  // MARK: Reading

  func readRoster(_ question: ReadQueue.Question, _ readers: [Caller]) {
    let channel = question.channel
    if question.line == .watchers {
      guard watched.contains(channel) else { return ended(question) }
      // Single events that come from now on may be newer than the roster, and follow it.
      held[channel] = []
    }
    let sent = scripts.run(
      .roster, keys: [keys.presence(channel), keys.users(channel)],
      [
        question.subject == .count ? "1" : "0", .text(String(Roster.maxConnections)),
        .text(String(configuration.maxRosterBytes)),
      ]
    ) { [unowned self] in rosterRead(question, readers, $0) }
    guard !sent else { return }
    // A link that takes nothing more is there, and would be waited for in vain.
    if commands.isConnected { refuse(question, readers) } else { wait(question, readers) }
    rosterEnded(question)
  }

  private func rosterRead(
    _ question: ReadQueue.Question, _ readers: [Caller], _ outcome: RedisLink.Outcome
  ) {
    defer { rosterEnded(question) }
    guard case .reply(let reply) = outcome else { return wait(question, readers) }
    if let error = reply.error {
      refuse(question, readers)
      return complain(error)
    }
    let roster = roster(of: reply, onlyCount: question.subject == .count)
    post(question, readers, .success(roster))
    guard question.line == .watchers else { return }
    tell(question.channel, roster.count > Crowd.enter ? Roster(members: nil, count: roster.count) : roster)
  }

  private func rosterEnded(_ question: ReadQueue.Question) {
    if question.line == .watchers {
      for (frame, client) in held.removeValue(forKey: question.channel) ?? [] {
        deliver(question.channel, frame, .watchers, excluding: client)
      }
    }
    ended(question)
  }

  /// What the script `roster` answers.
  private func roster(of reply: RedisReplyView, onlyCount: Bool) -> Roster {
    let count = reply[0]?.integer ?? 0
    guard !onlyCount else { return Roster(members: nil, count: count) }
    guard let entries = reply[1] else { return .truncated(count: count) }
    var builder = RosterBuilder()
    for (field, value) in entries.pairs {
      guard let entry = PresenceEntry(parsing: value.bytes) else { continue }
      builder.add(client: ClientID(field.string), user: entry.user, info: entry.info, since: Int64(entry.since))
    }
    return builder.roster(maxBytes: configuration.maxRosterBytes)
  }

  private func post(
    _ question: ReadQueue.Question, _ readers: [Caller], _ result: Result<Roster, Refusal>
  ) {
    outlet.answer(result.map { .presence(question.channel, $0) }, to: readers)
  }

  private func refuse(_ question: ReadQueue.Question, _ readers: [Caller]) {
    post(question, readers, .failure(question.isForSubscribe ? Self.unreachable : Self.unreadable))
    // Nobody else asks again for those who have a roster that is not true any more.
    if question.line == .watchers, resyncAt == nil { resyncAt = loop.now + 1000 }
  }

  // MARK: While the link is away

  /// Keeps what could not be read for when the link is back, as long as that may be soon; a command does not wait.
  func wait(_ question: ReadQueue.Question, _ readers: [Caller]) {
    switch question.line {
    case .commands: refuse(question, readers)
    case .subscribes where linkState == .down: refuse(question, readers)
    case .subscribes, .watchers: waitingRosters[question, default: []] += readers
    }
  }

  func askWaitingRosters() {
    let waiting = waitingRosters
    waitingRosters = [:]
    for (question, readers) in waiting { ask(question, readers) }
  }

  /// The link is down: nobody waits any longer.
  func refuseWaitingRosters() {
    let waiting = waitingRosters
    waitingRosters = [:]
    for (question, readers) in waiting { wait(question, readers) }
  }
}
