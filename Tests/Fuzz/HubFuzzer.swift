import Cluster
import Glibc
import Hub
import Model
import TestSupport

/// The hub as a state machine: every sequence of events that its shell and its broker can bring about.
///
/// Input: 2 bytes for each event: which one, and for whom (4 bits connection, 3 bits channel, 1 bit variant).
///
/// Oracles: those of `HubSimulation`, the model of the unit tests: counts, who is lent, who is a member, each command
/// answered once and in its turn, nothing for connections that have gone; and that at the end, when the broker has
/// answered everything and everybody has gone, nothing is left.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzHub(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var input = FuzzInput(start, count: count)
  var run = HubRun()
  var trace: [String] = []
  do {
    while !input.isEmpty {
      let (event, target) = (input.byte(), input.byte())
      if isTracing { trace.append(HubRun.describe(event, target)) }
      try run.step(event, target)
    }
    try run.finish()
  } catch {
    fatalError("oracle violated: \(error)\n\(trace.joined(separator: "\n"))")
  }
  return 0
}

/// Whether a failure is to tell all events that led to it: with the environment APUS_FUZZ_TRACE=1, as it costs time.
private let isTracing = getenv("APUS_FUZZ_TRACE") != nil

/// A simulation, and the answers of the broker that it does not model: to publications and to who is there.
private struct HubRun {
  private static let slots: UInt32 = 6
  private static let channels = ["a", "b", "c", "d", "e", "$f"].map(channel)
  /// As many commands may wait behind one subscribe, and the model knows of no limit.
  private static let maxCommands = 256

  private struct Asked {
    let session: SessionID
    let channel: ChannelName
    let id: RequestID?
    let isPublication: Bool
  }

  private var simulation = HubSimulation()
  private var asked: [Asked] = []
  private var bucket = Bucket()

  static func describe(_ event: UInt8, _ target: UInt8) -> String {
    let (slot, channel, variant) = whom(target)
    return "event \(event % 32), slot \(slot), channel \(channel), \(variant)"
  }

  private static func whom(_ target: UInt8) -> (slot: UInt32, channel: ChannelName, variant: Bool) {
    (UInt32(target >> 4) % slots, channels[Int(target >> 1 & 7) % channels.count], target & 1 == 1)
  }

  mutating func step(_ event: UInt8, _ target: UInt8) throws {
    let (slot, channel, variant) = Self.whom(target)
    let isOpen = simulation.open[slot] != nil
    switch event % 32 {
    case 0: try isOpen ? close(slot) : simulation.open(slot)
    case 1, 2: if !isOpen { try simulation.open(slot) }
    case 3: try command(.subscribe(.none), slot, channel)
    case 4: try command(.subscribe(.watch), slot, channel)
    case 5, 6: try command(.subscribe(.member), slot, channel)
    case 7, 8: try command(.unsubscribe, slot, channel)
    case 9: try command(.publish(echo: variant), slot, channel)
    case 10: try command(.presence, slot, channel)
    case 11, 12, 13: if simulation.wanted.contains(channel) { try simulation.confirm(channel) }
    case 14, 15: try answerEntering(Int(target >> 1), success: variant)
    case 16: try deliver(.listeners, channel, without: variant ? slot : nil)
    case 17: try deliver(.watchers, channel, without: variant ? slot : nil)
    case 18: try deliver(.listeners, channel, without: nil, closing: target)
    case 19: try simulation.loseSubscriptions()
    case 20: try simulation.change(link: simulation.link == .up ? .lost : variant ? .up : .down)
    case 21: try answer(Int(target >> 1), success: variant)
    case 22: try stale(slot, channel)
    case 24...31: try past(event % 32, target, slot, channel, variant)
    case 23 where variant:
      let named = channel.isReserved ? nil : channel
      try simulation.adopt(forbidden: slot % 2 == 0 ? named : nil, quiet: slot % 2 == 1 ? named : nil)
    case 23 where isOpen && target & 2 == 2: try simulation.identify(slot, as: target & 4 == 4 ? "alice" : "bob")
    default: bucket.take(target)
    }
    collect()
  }

  /// What happens in channels that keep history.
  private mutating func past(
    _ event: UInt8, _ target: UInt8, _ slot: UInt32, _ channel: ChannelName, _ variant: Bool
  ) throws {
    let number = Int(target >> 1)
    switch event {
    case 24: simulation.publish(to: channel, without: variant && simulation.open[slot] != nil ? slot : nil)
    case 25, 26: try simulation.handOn(channel)
    case 27: try simulation.handOn(channel, losing: number % 4)
    case 28 where variant: simulation.beginEpoch(of: channel)
    case 28: try deliver(.listeners, channel, without: nil, .fleeting)
    case 29: if !simulation.readings.isEmpty { simulation.make(number % simulation.readings.count) }
    case 30:
      guard !simulation.readings.isEmpty else { return }
      let waiting = number & 16 == 16 ? HubSimulation.maxRecovery : 0
      try simulation.answerRead(number % simulation.readings.count, success: variant, waiting: waiting)
    default:
      guard simulation.open[slot] != nil, let stream = simulation.streams[channel] else { return }
      let since = stream.position(stream.epoch, max(0, stream.latest - Int(slot)))
      guard simulation.requests < Self.maxCommands else { return }
      try simulation.run(.subscribe(variant ? .watch : .none), slot, channel, since: since)
    }
  }

  // MARK: Clients

  private mutating func command(_ command: HubSimulation.Command, _ slot: UInt32, _ channel: ChannelName) throws {
    guard simulation.open[slot] != nil, simulation.requests < Self.maxCommands else { return }
    if channel.isReserved, case .unsubscribe = command {
    } else if channel.isReserved {
      return try refused(command, slot, channel)
    }
    try simulation.run(command, slot, channel)
  }

  /// Channels of the server: the model has none.
  private mutating func refused(_ command: HubSimulation.Command, _ slot: UInt32, _ channel: ChannelName) throws {
    let id = simulation.session(slot)
    switch command {
    case .subscribe(let mode): simulation.hub.subscribe(id, to: channel, SubscribeOptions(mode), request: nil)
    case .publish(let echo):
      simulation.hub.publish(id, to: channel, echo: echo, request: nil) { _ in .finished(EventText(text: "own")) }
    case .presence: simulation.hub.presence(id, of: channel, onlyCount: false, request: nil)
    case .unsubscribe, .put, .take: break
    }
    let actions = takeActions()
    guard actions.count == 1, case .reply(id, .error(let refusal)) = actions[0] else {
      return try simulation.check(false, "\(actions.map(Transcript.line)) for a channel of the server")
    }
    try simulation.check(refusal.code == .forbidden, "refused for \(refusal.code)")
  }

  private mutating func close(_ slot: UInt32) throws {
    try simulation.close(slot)
    collect()
  }

  /// What comes late for a connection that has gone, or never was, does nothing.
  private mutating func stale(_ slot: UInt32, _ channel: ChannelName) throws {
    let generation = simulation.open[slot] ?? simulation.generations[slot] ?? 0
    for id in [
      SessionID(slot: slot, generation: simulation.open[slot] == nil ? generation : generation &- 1),
      SessionID(slot: Self.slots + 90, generation: 1),
    ] {
      simulation.hub.close(id, now: 0)
      simulation.hub.subscribe(id, to: channel, SubscribeOptions(.member), request: nil)
      simulation.hub.unsubscribe(id, from: channel, request: nil)
      simulation.hub.publish(id, to: channel, echo: true, request: nil) { _ in .finished(EventText(text: "own")) }
      simulation.hub.presence(id, of: channel, onlyCount: true, request: nil)
      simulation.hub.answered(.subscribe(id, channel, attempt: 1), .success(.presence(channel, roster())))
      let published = Answer.published(channel, .message, PublishReceipt())
      simulation.hub.answered(.command(id, RequestID(json: "0")), .success(published))
      simulation.hub.answered(.command(id, nil), .success(.presence(channel, roster())))
      try simulation.check(simulation.hub.sender(id) == nil, "somebody who has gone may speak")
    }
    try simulation.check(takeActions().isEmpty, "something is done for a connection that has gone")
  }

  // MARK: The broker

  private mutating func answerEntering(_ number: Int, success: Bool) throws {
    guard !simulation.questions.isEmpty else { return }
    try simulation.answer(number % simulation.questions.count, success: success)
  }

  /// Delivers, and then closes those of the lent connections that the bits of `closing` choose, as the shell does with
  /// clients that are too slow.
  private mutating func deliver(
    _ audience: Audience, _ channel: ChannelName, without slot: UInt32?, _ mark: Mark = .none,
    closing: UInt8 = 0
  ) throws {
    let isLeftOut = slot.map { simulation.open[$0] != nil } == true
    let lent = simulation.places.filter { $0.key.channel == channel && $0.value.mode != nil && !$0.value.isHolding }
    try simulation.deliver(audience, channel, without: isLeftOut ? slot : nil, mark)
    for slot in lent.keys.map(\.slot).sorted() where closing >> (slot % 8) & 1 == 1 { try close(slot) }
  }

  /// Answers a publication or a question for who is there; the asker may have gone.
  private mutating func answer(_ number: Int, success: Bool) throws {
    guard !asked.isEmpty else { return }
    let question = asked.remove(at: number % asked.count)
    let answer: Answer =
      question.isPublication
      ? .published(question.channel, .message, PublishReceipt()) : .presence(question.channel, roster())
    simulation.hub.answered(
      .command(question.session, question.id),
      success ? .success(answer) : .failure(Refusal(.unavailable, "Not now.")))
    let isOpen = simulation.open[question.session.slot] == question.session.generation
    // Judged again, by the rules of now.
    let isDenied = !question.isPublication && [simulation.forbidden, simulation.quiet].contains(question.channel)
    let replies = takeActions()
    try simulation.check(replies.count == (isOpen ? 1 : 0), "\(replies.count) answers to one question")
    for reply in replies {
      switch reply {
      case .reply(question.session, .published(let id, question.channel, _)):
        try simulation.check(id == question.id && question.isPublication && success, "another answer")
      case .reply(question.session, .presence(let id, question.channel, _)):
        try simulation.check(id == question.id && !question.isPublication && success && !isDenied, "another answer")
      case .reply(question.session, .error(let refusal)):
        try simulation.check(refusal.id == question.id && (!success || isDenied), "another answer")
      default: try simulation.check(false, "\(Transcript.line(reply)) is no answer")
      }
    }
  }

  private mutating func takeActions() -> [HubAction] {
    var actions: [HubAction] = []
    simulation.hub.takeActions(reusing: &actions)
    return actions
  }

  /// What the broker was asked by the last event.
  private mutating func collect() {
    for action in simulation.spare {
      switch action {
      case .ask(.command(let session, let id), .publish(let publication)):
        asked.append(Asked(session: session, channel: publication.channel, id: id, isPublication: true))
      case .ask(.command(let session, let id), .presence(let channel, onlyCount: _)):
        asked.append(Asked(session: session, channel: channel, id: id, isPublication: false))
      case .ask, .report, .reply, .replay, .deliver, .close: continue
      }
    }
    simulation.spare = []
  }

  // MARK: The end

  mutating func finish() throws {
    try simulation.change(link: .up)
    collect()
    var rounds = 0
    while simulation.places.values.contains(where: \.isPending) {
      rounds += 1
      try simulation.check(rounds < 1000, "something is never answered")
      for channel in simulation.wanted.subtracting(simulation.confirmed).sorted(by: { $0.string < $1.string }) {
        try simulation.confirm(channel)
        collect()
      }
      for channel in HubSimulation.kept.sorted(by: { $0.string < $1.string }) {
        for _ in 0..<10 { try simulation.handOn(channel) }
      }
      for number in simulation.readings.indices.reversed() {
        try simulation.answerRead(number, success: true, waiting: 0)
        collect()
      }
      while !simulation.questions.isEmpty {
        try simulation.answer(0, success: true)
        collect()
      }
    }
    while !asked.isEmpty { try answer(0, success: true) }
    let meant = Set(simulation.places.filter { $0.value.mode == .member }.keys)
    try simulation.check(simulation.members == meant, "members \(simulation.members), meant \(meant)")
    for slot in simulation.open.keys.sorted() { try close(slot) }
    try simulation.check(simulation.wanted.isEmpty, "\(simulation.wanted) are still attached")
    try simulation.check(simulation.members.isEmpty, "\(simulation.members) are still members")
    try simulation.check(simulation.hub.subscriptionCount == 0, "subscriptions are left")
  }
}

/// A hub with a rate, for one connection.
private struct Bucket {
  private static let limit = RateLimit(rate: 2, burst: 5)
  private static let id = SessionID(slot: 0, generation: 1)

  private var hub = Hub(
    limits: Hub.Limits(maxChannels: 1, rate: Bucket.limit, maxRecovery: 0),
    access: Hub.Authorization(rules: .standard(isOpen: true), requiresIdentity: false), users: NoUsers())
  private var now: Int64 = 0
  private var allowed = 0

  init() {
    hub.open(Self.id, client: ClientID("c-1"), identity: nil, now: 0, wall: 0)
  }

  /// One command, so much later. Never are more admitted than the burst and what the time has brought.
  mutating func take(_ later: UInt8) {
    now += Int64(later) * Int64(later)
    switch hub.admitCommand(Self.id, now: now) {
    case .allowed:
      allowed += 1
      let most = Self.limit.burst + Double(now) * Self.limit.rate / 1000 + 1
      expect(Double(allowed) <= most, "\(allowed) commands in \(now) ms")
    case .refused(let refusal, isUser: _):
      expect(refusal.code == .rateLimited && (1...500).contains(refusal.retryAfter ?? 0), "\(refusal)")
    case .deferred: expect(false, "it waits, and was not to")
    case .exhausted: expect(now >= Self.limit.timeout, "closed after \(now) ms")
    }
  }
}
