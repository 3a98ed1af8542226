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
  /// Who is in which channel.
  var membership: Membership
  var directory = UserDirectory()
  /// As whom streams publish over HTTP, by slot: what is published so is left out for them.
  var authors: [UInt32: ClientID] = [:]
  var pending: [PendingKey: PendingSubscribe] = [:]
  /// Of channels in which subscribes are on their way.
  var buffered: [ChannelIndex: BufferedEvents] = [:]
  /// Slots of those who are no connections of the cluster: here for one request alone, or as the server's owner. What goes
  /// to users and to everybody does not go to them.
  var guests: Set<UInt32> = []
  /// The number of the newest subscribe.
  var lastAttempt: UInt64 = 0
  /// How the node stands with each keyspace.
  var links: [LinkState]
  /// What is to be done, in order.
  package private(set) var actions: [HubAction] = []

  package init(
    limits: Limits, access: Authorization, users: any UserRates, keyspaces: KeyspaceMap = .one
  ) {
    membership = Membership(keyspaces)
    links = Array(repeating: .up, count: keyspaces.count)
    self.limits = limits
    self.access = access
    self.users = users
  }

  var sessions: SessionTable {
    _read { yield membership.sessions }
    _modify { yield &membership.sessions }
  }

  var channels: ChannelTable {
    _read { yield membership.channels }
    _modify { yield &membership.channels }
  }

  /// Without guests.
  package var sessionCount: Int { sessions.count - guests.count }
  package var subscriptionCount: Int { membership.subscriptionCount }

  /// What must always hold and does not; nil where all does. For tests.
  package func check() -> String? {
    if let fault = membership.check() { return fault }
    for (key, subscribe) in pending {
      if membership.subscription(key.slot, in: key.channel) == nil { return "a subscribe of somebody who is not there" }
      if !channels[key.channel].pending.contains(key.slot) { return "a subscribe that its channel does not know" }
      if subscribe.stage != .attaching, buffered[key.channel] == nil { return "nothing is buffered for a subscribe" }
    }
    return nil
  }

  /// Events that are buffered in all channels, however many wait for them; for tests.
  package var bufferedCount: Int { buffered.values.reduce(0) { $0 + $1.count } }

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

  /// Refuses a subscribe, and names its channel.
  mutating func refuse(
    _ session: Session, _ id: RequestID?, _ channel: ChannelName, _ code: ErrorCode, _ message: String
  ) {
    var refusal = Refusal(id: id, code, message)
    refusal.channel = channel
    act(.reply(session.id, .error(refusal)))
  }

  mutating func refuse(_ session: SessionID, id: RequestID?, _ code: ErrorCode, _ message: String) {
    act(.reply(session, .error(Refusal(id: id, code, message))))
  }

  // MARK: Sessions

  /// A connection has been opened, by somebody known or not (yet); `wall` is milliseconds since 1970.
  package mutating func open(
    _ id: SessionID, client: ClientID, author: ClientID? = nil, identity: Identity?, now: Int64, wall: Int64
  ) {
    if let author { authors[id.slot] = author }
    sessions.insert(Session(id: id, client: client, bucket: TokenBucket(limits.rate, now: now)))
    if let identity {
      become(identity, slot: id.slot, now: now)
    } else if access.requiresIdentity, !guests.contains(id.slot) {
      let due = wall + access.timeout
      sessions.modify(id.slot) { $0.due = due }
    }
  }

  /// Somebody is here for one request alone: their commands count for the rate of `bucket` where they are anonymous.
  package mutating func openGuest(
    _ id: SessionID, client: ClientID, author: ClientID? = nil, identity: Identity?, bucket: SharedTokenBucket?,
    now: Int64, wall: Int64
  ) {
    guests.insert(id.slot)
    open(id, client: client, author: author, identity: identity, now: now, wall: wall)
    if identity == nil, let bucket { sessions.modify(id.slot) { $0.rate = bucket } }
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
    if !authors.isEmpty { authors[id.slot] = nil }
    if !guests.isEmpty { guests.remove(id.slot) }
    sessions.remove(id.slot)
  }

  /// As whom a connection publishes, so that what leaves its publisher out leaves out this one.
  func publisher(_ session: Session) -> ClientID {
    authors.isEmpty ? session.client : authors[session.id.slot] ?? session.client
  }

  /// The session of that id, unless it has gone.
  func session(_ id: SessionID) -> Session? {
    guard let session = sessions[id.slot], session.id == id else { return nil }
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

  // MARK: Ends

  /// Takes out a subscribe that is under way.
  mutating func takePending(_ key: PendingKey) -> PendingSubscribe? {
    guard let subscribe = pending.removeValue(forKey: key) else { return nil }
    if subscribe.stage != .attaching { endBuffering(subscribe, key.channel) }
    if let index = channels[key.channel].pending.firstIndex(of: key.slot) {
      channels[key.channel].pending.remove(at: index)
    }
    return subscribe
  }

  /// Takes a connection out of a channel; the channel goes when it was the last.
  mutating func drop(_ channel: ChannelIndex, of slot: UInt32, lost: Bool) {
    guard let session = sessions[slot], let subscription = membership.remove(slot, from: channel) else { return }
    if subscription.mode == .member { act(.report(.leave(session.client, channels[channel].name, lost: lost))) }
    guard channels[channel].isUnused else { return }
    act(.report(.detach(channels[channel].name)))
    channels.remove(channel)
  }
}

@available(*, unavailable)
extension Hub: Sendable {}
