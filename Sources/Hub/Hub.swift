import Cluster
import Model

/// Who listens to what on one loop: sessions, channels and subscriptions, without any I/O.
///
/// Commands of clients and answers of the broker go in; actions come out and are done by the shell, in order. The one
/// thing that is not an action is fan-out: `fanOut` lends a channel's listeners as an array, because an action
/// for each of them would cost more than the delivery.
///
/// Not to be changed while listeners are lent: what a delivery brings about (a connection that must be closed) waits
/// until the lending is over.
package struct Hub {
  package struct Limits: Sendable {
    /// Channels per connection.
    package var maxChannels: Int
    package var rate: RateLimit
    /// Bytes of recoveries that may wait for a connection; a single one may be larger.
    package var maxRecovery: Int

    package init(maxChannels: Int, rate: RateLimit, maxRecovery: Int) {
      self.maxChannels = maxChannels
      self.rate = rate
      self.maxRecovery = maxRecovery
    }
  }

  /// Who may come in, and who may do what.
  package struct Authorization: Sendable {
    package var rules: ChannelRules
    /// Whether a connection must say who it is.
    package var requiresIdentity: Bool
    /// Milliseconds in which it must.
    package var timeout: Int64 = 5000

    package init(rules: ChannelRules, requiresIdentity: Bool) {
      self.rules = rules
      self.requiresIdentity = requiresIdentity
    }
  }

  let limits: Limits
  var access: Authorization
  /// The rates of users, shared with the other loops' hubs.
  let users: any UserRates
  /// By slot.
  var sessions: [Session?] = []
  var directory = UserDirectory()
  var channels = ChannelTable()
  var pending: [PendingKey: PendingSubscribe] = [:]
  /// Of channels in which subscribes are on their way.
  var buffered: [ChannelIndex: BufferedEvents] = [:]
  var subscribes: UInt64 = 0
  var link = LinkState.up
  package private(set) var sessionCount = 0
  package private(set) var subscriptionCount = 0
  /// What is to be done, in order.
  package private(set) var actions: [HubAction] = []

  package init(limits: Limits, access: Authorization, users: any UserRates) {
    self.limits = limits
    self.access = access
    self.users = users
  }

  /// Whether a subscribe is under way whose connection has no place in its channel; for tests, since it must never be.
  package var hasOrphans: Bool {
    pending.keys.contains { sessions[Int($0.slot)]?.subscription(to: $0.channel) == nil }
  }

  /// Events that are held in all channels, however many wait for them; for tests.
  package var heldCount: Int { buffered.values.reduce(0) { $0 + $1.count } }

  /// Channels with a connection of this loop in them.
  package var channelCount: Int { channels.count }

  /// Takes everything that is to be done out of the hub; `spare` is an empty array whose memory serves next time.
  package mutating func takeActions(reusing spare: inout [HubAction]) {
    spare.removeAll(keepingCapacity: true)
    swap(&actions, &spare)
  }

  mutating func act(_ action: HubAction) {
    actions.append(action)
  }

  mutating func refuse(_ session: SessionID, id: RequestID?, _ code: ErrorCode, _ message: String) {
    act(.reply(session, .error(Refusal(id: id, code, message))))
  }

  // MARK: Sessions

  /// A connection has been opened, by somebody known or not (yet); `wall` is milliseconds since 1970.
  package mutating func open(_ id: SessionID, client: ClientID, identity: Identity?, now: Int64, wall: Int64) {
    let slot = Int(id.slot)
    while sessions.count <= slot { sessions.append(nil) }
    sessionCount += 1
    sessions[slot] = Session(id: id, client: client, bucket: TokenBucket(limits.rate, now: now))
    if let identity {
      become(identity, slot: id.slot, now: now)
    } else if access.requiresIdentity {
      sessions[slot]?.due = wall + access.timeout
    }
  }

  /// A connection has gone: it leaves every channel, and its memberships end after the grace.
  package mutating func close(_ id: SessionID, now: Int64) {
    guard let session = session(id) else { return }
    for subscription in session.subscriptions.reversed() {
      let subscribe = takePending(PendingKey(slot: id.slot, channel: subscription.channel))
      // What the client has said is said, whether or not it stays to hear what became of it; if it may say it.
      for case .publish(let publication, let request)? in subscribe?.deferred ?? []
      where denial(
        of: publication.kind == .signal ? .signal : .publish, in: publication.channel, subscription.channel, session)
        == nil
      {
        act(.ask(.command(id, request), .publish(publication)))
      }
      drop(subscription.channel, of: id.slot, lost: true)
    }
    if session.rate != nil, let user = session.user { users.release(user, now: now) }
    if let user = session.user { directory.remove(id.slot, of: user) }
    sessions[Int(id.slot)] = nil
    sessionCount -= 1
  }

  /// The session of that id, unless it has gone.
  func session(_ id: SessionID) -> Session? {
    guard Int(id.slot) < sessions.count, let session = sessions[Int(id.slot)], session.id == id else { return nil }
    return session
  }

  /// Who publishes: what a message says of its sender.
  package func sender(_ id: SessionID) -> (client: ClientID, user: UserName?)? {
    session(id).map { ($0.client, $0.user) }
  }

  /// The same, of somebody who may speak: nil for strangers where everybody has to be known.
  package func authenticatedSender(_ id: SessionID) -> (client: ClientID, user: UserName?)? {
    guard let session = session(id), session.identity != nil || !access.requiresIdentity else { return nil }
    return (session.client, session.user)
  }

  /// The channels that a connection is subscribed to, in the order of subscribing.
  package func channels(of id: SessionID) -> [ChannelName] {
    session(id)?.subscriptions.filter(\.isLive).map { channels[$0.channel].name } ?? []
  }

  mutating func modifySubscription(_ slot: UInt32, _ channel: ChannelIndex, _ change: (inout Subscription) -> Void) {
    guard let index = sessions[Int(slot)]?.subscription(to: channel) else { return }
    change(&sessions[Int(slot)]!.subscriptions[index])
  }

  // MARK: Places in a channel

  /// Takes out a subscribe that is under way.
  mutating func takePending(_ key: PendingKey) -> PendingSubscribe? {
    guard let subscribe = pending.removeValue(forKey: key) else { return nil }
    if subscribe.stage != .attaching { endHolding(subscribe, key.channel) }
    if let index = channels[key.channel].pending.firstIndex(of: key.slot) {
      channels[key.channel].pending.remove(at: index)
    }
    return subscribe
  }

  /// Makes room for a connection in a channel, as one that is no listener yet.
  mutating func reserve(_ channel: ChannelIndex, slot: UInt32) {
    sessions[Int(slot)]?.subscriptions.append(Subscription(channel: channel))
    subscriptionCount += 1
  }

  /// Puts a connection that has its place among those whom messages go to.
  mutating func makeLive(_ channel: ChannelIndex, slot: UInt32) {
    let position = Int32(channels[channel].listeners.count)
    channels[channel].listeners.append(slot)
    modifySubscription(slot, channel) {
      $0.listener = position
      $0.isLive = true
    }
  }

  /// Takes a connection out from among those whom messages go to, while events are held for it.
  mutating func setAside(_ channel: ChannelIndex, slot: UInt32) {
    guard let session = sessions[Int(slot)], let index = session.subscription(to: channel) else { return }
    removeWatcher(channel, at: session.subscriptions[index].watcher)
    removeListener(channel, at: session.subscriptions[index].listener)
    modifySubscription(slot, channel) { $0.listener = -1 }
  }

  /// Sets how a connection takes part in presence; of others it is told while it is among the listeners.
  mutating func setMode(_ mode: PresenceMode, _ channel: ChannelIndex, slot: UInt32) {
    guard let session = sessions[Int(slot)], let index = session.subscription(to: channel) else { return }
    let subscription = session.subscriptions[index]
    if mode == .none {
      removeWatcher(channel, at: subscription.watcher)
    } else if subscription.watcher < 0, subscription.listener >= 0 {
      let position = Int32(channels[channel].watchers.count)
      channels[channel].watchers.append(slot)
      modifySubscription(slot, channel) { $0.watcher = position }
    }
    modifySubscription(slot, channel) { $0.mode = mode }
  }

  /// Takes a connection out of a channel; the channel goes when it was the last.
  mutating func drop(_ channel: ChannelIndex, of slot: UInt32, lost: Bool) {
    guard let session = sessions[Int(slot)], let index = session.subscription(to: channel) else { return }
    let subscription = session.subscriptions[index]
    if subscription.mode == .member { act(.report(.leave(session.client, channels[channel].name, lost: lost))) }
    removeWatcher(channel, at: subscription.watcher)
    removeListener(channel, at: subscription.listener)
    sessions[Int(slot)]?.subscriptions.remove(at: index)
    subscriptionCount -= 1
    if channels[channel].isUnused {
      act(.report(.detach(channels[channel].name)))
      channels.remove(channel)
    }
  }

  /// The last listener takes the place of the one that goes, so the array stays contiguous.
  private mutating func removeListener(_ channel: ChannelIndex, at position: Int32) {
    guard position >= 0, let last = channels[channel].listeners.popLast() else { return }
    if Int(position) < channels[channel].listeners.count {
      channels[channel].listeners[Int(position)] = last
      modifySubscription(last, channel) { $0.listener = position }
    }
  }

  private mutating func removeWatcher(_ channel: ChannelIndex, at position: Int32) {
    guard position >= 0, let last = channels[channel].watchers.popLast() else { return }
    let leaving = Int(position) < channels[channel].watchers.count ? channels[channel].watchers[Int(position)] : last
    if leaving != last {
      channels[channel].watchers[Int(position)] = last
      modifySubscription(last, channel) { $0.watcher = position }
    }
    modifySubscription(leaving, channel) { $0.watcher = -1 }
  }
}

@available(*, unavailable)
extension Hub: Sendable {}
