import Cluster
import Model
import Protocol
import Reactor
import Redis

/// Who is in the channels of a keyspace, for those who enter, ask, or watch: rosters are read in line with the histories,
/// and joins and leaves told one by one, or as a count.
final class Rosters {
  private static let unreadable = Refusal(.unavailable, "The channel's presence cannot be reached now.")
  /// Milliseconds until watchers whose roster could not be read are told it.
  private static let repetition: Int64 = 1000
  /// Milliseconds in which other nodes enter their members again, too.
  private static let settling: Int64 = 3000

  /// When watchers are to be told whole rosters, because events may have been missed.
  private enum Resync {
    case none
    /// When the subscriptions are back.
    case whenReady
    case at(Int64)
  }

  private unowned let context: KeyspaceContext
  private unowned let subscriptions: ChannelSubscriptions
  private unowned let streams: ChannelStreams
  private var throttle = PresenceThrottle()
  /// Channels of which somebody here is told joins and leaves.
  private var watched: Set<ChannelName> = []
  /// Joins and leaves of channels whose roster is being read to be told.
  private var held: [ChannelName: [ChannelEvent]] = [:]
  /// Rosters that wait for the command link.
  private var waiting: [ReadQueue.Request: [Caller]] = [:]
  private var resync = Resync.none

  init(_ context: KeyspaceContext, _ subscriptions: ChannelSubscriptions, _ streams: ChannelStreams) {
    self.context = context
    self.subscriptions = subscriptions
    self.streams = streams
  }

  // MARK: Questions

  /// Somebody asks who is in a channel.
  func query(_ channel: ChannelName, onlyCount: Bool, _ caller: Caller) {
    let request = ReadQueue.Request(channel: channel, subject: onlyCount ? .count : .roster, line: .commands)
    guard context.isReady else { return refuse(request, [caller]) }
    guard streams.add([caller], request) else {
      return answer(request, [caller], .failure(.overloaded(nothing: "read")))
    }
    streams.readNext()
  }

  /// Asks for who is there on behalf of somebody who has been entered, or only watches.
  func ask(_ channel: ChannelName, for caller: Caller) {
    ask(ReadQueue.Request(channel: channel, subject: .roster, line: .subscribes), [caller])
  }

  /// Reads a channel's roster and tells its watchers.
  private func tellRoster(_ channel: ChannelName) {
    ask(ReadQueue.Request(channel: channel, subject: .roster, line: .watchers), [])
  }

  private func ask(_ request: ReadQueue.Request, _ callers: [Caller]) {
    // Only commands are too many.
    _ = streams.add(callers, request)
    streams.readNext()
  }

  // MARK: Reading

  func read(_ request: ReadQueue.Request, for callers: [Caller]) {
    let channel = request.channel
    if request.line == .watchers {
      guard watched.contains(channel) else { return streams.ended(request) }
      // Single events that come from now on may be newer than the roster, and follow it.
      held[channel] = []
    }
    let call = PresenceScripts(keys: context.keys).roster(
      channel, onlyCount: request.subject == .count, maxBytes: context.configuration.maxRosterBytes)
    let sent = context.links.run(call) { [unowned self] in read(request, callers, $0) }
    guard !sent else { return }
    // A link that takes nothing more is there, and would be waited for in vain.
    if context.links.isConnected { refuse(request, callers) } else { postpone(request, for: callers) }
    ended(request)
  }

  private func read(_ request: ReadQueue.Request, _ callers: [Caller], _ outcome: RedisLink.Outcome) {
    defer { ended(request) }
    guard case .reply(let reply) = outcome else { return postpone(request, for: callers) }
    if let error = reply.error {
      refuse(request, callers, isForeign: error.isOfForeignData)
      return context.handle(serverError: error)
    }
    let roster = RosterReply.read(
      reply, onlyCount: request.subject == .count, maxBytes: context.configuration.maxRosterBytes)
    answer(request, callers, .success(roster))
    guard request.line == .watchers else { return }
    tell(request.channel, roster.count > PresenceThrottle.enter ? Roster(members: nil, count: roster.count) : roster)
  }

  private func ended(_ request: ReadQueue.Request) {
    if request.line == .watchers {
      for event in held.removeValue(forKey: request.channel) ?? [] { subscriptions.deliver(event, request.channel) }
    }
    streams.ended(request)
  }

  private func answer(_ request: ReadQueue.Request, _ callers: [Caller], _ result: Result<Roster, Refusal>) {
    context.outlet.answer(result.map { .presence(request.channel, $0) }, to: callers)
  }

  private func refuse(_ request: ReadQueue.Request, _ callers: [Caller], isForeign: Bool = false) {
    let refusal =
      isForeign ? ChannelStreams.foreign : request.isForSubscribe ? PresenceSync.unreachable : Self.unreadable
    answer(request, callers, .failure(refusal))
    // Nobody else asks again for those who have a roster that is not true any more.
    if request.line == .watchers, case .none = resync { resync = .at(context.loop.now + Self.repetition) }
  }

  // MARK: While the link is away

  /// Keeps what could not be read for when the link is back, as long as that may be soon; a command does not wait.
  func postpone(_ request: ReadQueue.Request, for callers: [Caller]) {
    switch request.line {
    case .commands: refuse(request, callers)
    case .subscribes where context.linkState == .down: refuse(request, callers)
    case .subscribes, .watchers: waiting[request, default: []] += callers
    }
  }

  func askWaiting() {
    let waiting = waiting
    self.waiting = [:]
    for (request, callers) in waiting { ask(request, callers) }
  }

  /// The link is down: nobody waits any longer.
  func refuseWaiting() {
    let waiting = waiting
    self.waiting = [:]
    for (request, callers) in waiting { postpone(request, for: callers) }
  }

  // MARK: Watching

  func watch(_ channel: ChannelName) {
    watched.insert(channel)
  }

  /// The channel is not subscribed any more.
  func forget(_ channel: ChannelName) {
    throttle.forget(channel)
    watched.remove(channel)
  }

  /// Channels nobody here listens to are not unsubscribed when the link is lost; they end with it.
  func forgetUnheard() {
    for channel in watched where !subscriptions.isHeard(channel) { forget(channel) }
  }

  /// A join or a leave has come, on any node.
  func received(_ event: ChannelEvent, in channel: ChannelName) {
    guard let count = event.text.withBytes(Self.count(endingIn:)) else { return }
    switch throttle.changed(channel, count: count) {
    case .tell:
      // Told now, it might be newer than the roster that is being read and comes after it.
      guard held[channel] == nil else { return held[channel, default: []].append(event) }
      subscriptions.deliver(event, channel)
    case .hold: break
    case .roster: tellRoster(channel)
    }
  }

  /// The number at the end of an event that our own scripts have completed: `…"count":12}`.
  private static func count(endingIn text: UnsafeRawBufferPointer) -> Int? {
    guard text.last == UInt8(ascii: "}") else { return nil }
    var value = 0
    var scale = 1
    for byte in text.dropLast().reversed() {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), scale < 1_000_000_000_000 else { break }
      value += Int(byte - UInt8(ascii: "0")) * scale
      scale *= 10
    }
    return scale == 1 ? nil : value
  }

  /// Tells the counts of large channels that are due.
  func tellCounts() {
    for (channel, count) in throttle.due(now: context.loop.now) { tell(channel, Roster(members: nil, count: count)) }
  }

  private func tell(_ channel: ChannelName, _ roster: Roster) {
    subscriptions.deliver(ChannelEvent(.presence, Interchange.members(channel: channel, roster: roster)), channel)
  }

  // MARK: Missed joins and leaves

  /// Subscriptions are lost: joins and leaves are missed from now on.
  func subscriptionsLost() {
    forgetUnheard()
    resync = .whenReady
  }

  /// The subscriptions are back.
  func ready() {
    if case .whenReady = resync { resync = .at(context.loop.now + Self.settling) }
  }

  /// After a gap in the subscription joins and leaves may have been missed: watchers get the whole roster.
  func resyncIfDue() {
    guard case .at(let time) = resync, context.loop.now >= time, context.linkState == .up else { return }
    resync = .none
    for channel in watched { tellRoster(channel) }
  }
}

@available(*, unavailable)
extension Rosters: Sendable {}
