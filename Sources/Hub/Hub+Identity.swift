import Cluster
import Model

/// Who connections belong to, for how long, and what follows from it.
extension Hub {
  /// When `timePassed` wants to be called for a connection, in milliseconds since 1970; nil where it need not be.
  package func due(_ id: SessionID) -> Int64? {
    session(id).flatMap { $0.due == .max ? nil : $0.due }
  }

  /// A moment that `due` has named is there: the client must be known by now, or its token ends, soon or now.
  package mutating func timePassed(_ id: SessionID, wall: Int64) {
    guard let session = session(id), wall >= session.due else { return }
    guard let deadline = session.identity?.deadline else {
      return act(.close(id, .noToken))
    }
    guard wall < deadline else { return act(.close(id, .expiredToken)) }
    sessions.modify(id.slot) { $0.due = deadline }
    act(.reply(id, .expiring(in: deadline - wall)))
  }

  /// What has become of a token that the client has sent by command.
  ///
  /// One that is no good ends a connection which has none yet, and changes nothing for one that has.
  package mutating func verified(
    _ id: SessionID, _ decision: Result<Identity, Refusal>, request: RequestID?, now: Int64
  ) {
    guard let session = session(id) else { return }
    switch decision {
    case .success(let identity): admit(identity, session, request, now)
    case .failure(var refusal):
      refusal.id = request
      act(.reply(id, .error(refusal)))
      let isFinal = session.identity == nil && !refusal.code.isTemporary
      if isFinal { act(.close(id, .invalidToken)) }
    }
  }

  private mutating func admit(_ identity: Identity, _ session: Session, _ request: RequestID?, _ now: Int64) {
    if let user = session.user, user != identity.user {
      return refuse(
        session.id, id: request, .invalidToken, "The token is for another user; open a new connection to change users.")
    }
    if session.user == nil, isInPresence(session) {
      let message = "Unsubscribe from the channels whose presence you are in before you authenticate."
      return refuse(session.id, id: request, .badRequest, message)
    }
    become(identity, slot: session.id.slot, now: now)
    if let old = session.identity, old.info != identity.info { show(identity.info, of: session) }
    act(.reply(session.id, .authenticated(id: request, identity, warning: nil)))
    applyRights(session.id)
  }

  /// Has presence show what the connection's token says by now.
  private mutating func show(_ info: String?, of session: Session) {
    for subscription in session.subscriptions where subscription.mode == .member {
      let connection = MemberConnection(client: session.client, user: session.user, info: info)
      act(.report(.update(connection, channels[subscription.channel].name)))
    }
  }

  /// Whether the connection is, or is about to be, in the presence of a channel, as nobody in particular.
  private func isInPresence(_ session: Session) -> Bool {
    session.subscriptions.contains { subscription in
      let key = PendingKey(slot: session.id.slot, channel: subscription.channel)
      return subscription.mode != .none || pending[key]?.asksForPresence == true
    }
  }

  /// The connection belongs to that user from now on, with the rights and for the time that the identity says.
  mutating func become(_ identity: Identity, slot: UInt32, now: Int64) {
    let isFirst = sessions[slot]?.identity == nil
    if isFirst, !guests.contains(slot) { directory.insert(slot, of: identity.user) }
    let rate = isFirst && limits.rate.rate > 0 ? users.acquire(identity.user, now: now) : nil
    sessions.modify(slot) { session in
      if let rate { session.rate = rate }
      session.identity = identity
      session.due = identity.expires.map { $0 * 1000 } ?? .max
    }
  }

  // MARK: Rights

  /// The rules are others from now on, for those who are connected, too.
  package mutating func adopt(_ rules: ChannelRules) {
    access.rules = rules
    channels.adopt(rules)
    for session in Array(sessions) { applyRights(session.id) }
  }

  /// The rule of a channel; nil where there is none.
  func rule(for name: ChannelName, _ channel: ChannelIndex?) -> ChannelRule? {
    if let channel { channels[channel].rule } else { access.rules.rule(for: name) }
  }

  /// What happens to messages of a channel for which there is no room.
  package func overflow(of name: ChannelName) -> OverflowPolicy {
    rule(for: name, channels.index(of: name))?.overflow ?? .disconnect
  }

  /// Whether a connection may do that in a channel; refuses when not.
  mutating func permit(
    _ capability: Capabilities, in name: ChannelName, _ channel: ChannelIndex?, _ session: Session,
    _ request: RequestID?
  ) -> Bool {
    guard permitsSpeaking(session, request) else { return false }
    guard let message = denial(of: capability, in: name, channel, session) else { return true }
    refuse(session.id, id: request, .forbidden, message)
    return false
  }

  /// Whether it is known, or need not be, who sends commands; refuses when not.
  mutating func permitsSpeaking(_ session: Session, _ request: RequestID?) -> Bool {
    guard isUnauthenticated(session) else { return true }
    act(.reply(session.id, .error(Self.refusalOfUnauthenticated(request))))
    return false
  }

  /// What the sender of a command is told that could not even be read: strangers learn nothing but that they are such.
  package func refusal(of id: SessionID, _ refusal: Refusal) -> Refusal {
    guard let session = session(id), isUnauthenticated(session) else { return refusal }
    return Self.refusalOfUnauthenticated(refusal.id)
  }

  /// Whether it must be known, and is not, whose connection it is.
  func isUnauthenticated(_ session: Session) -> Bool {
    session.identity == nil && access.requiresIdentity
  }

  private static func refusalOfUnauthenticated(_ request: RequestID?) -> Refusal {
    Refusal(id: request, .unauthenticated, "Authenticate first, with a token: " + #"{"type":"auth","token":"…"}."#)
  }

  func denial(
    of capability: Capabilities, in name: ChannelName, _ channel: ChannelIndex?, _ session: Session
  ) -> String? {
    if name.isReserved { return "Channels that begin with $ belong to the server." }
    if capability == .subscribe || capability == .presence, let channel, isByServer(session, in: channel) { return nil }
    guard let rule = rule(for: name, channel) else { return "There is no rule for the channel \(name)." }
    var isSubscribed = channel.map { session.subscription(to: $0) != nil } ?? false
    // A guest is in no channel; what members may, may who could be one.
    if !isSubscribed, guests.contains(session.id.slot) {
      isSubscribed = rule.denial(of: .subscribe, in: name, to: session.identity, isSubscribed: false) == nil
    }
    return rule.denial(of: capability, in: name, to: session.identity, isSubscribed: isSubscribed)
  }

  /// Whether the server has put the connection into the channel.
  private func isByServer(_ session: Session, in channel: ChannelIndex) -> Bool {
    session.subscription(to: channel).map { session.subscriptions[$0].isByServer } ?? false
  }

  /// Takes a connection out of the channels that it may not be in any more.
  private mutating func applyRights(_ id: SessionID) {
    guard let session = session(id) else { return }
    // By name: what waits behind a subscribe that is refused here may leave the channel, and its number be given anew.
    for name in session.subscriptions.map({ channels[$0.channel].name }) {
      refusePending(id, name)
      unsubscribeIfForbidden(id, name)
    }
  }

  /// Refuses a subscribe that is under way and would not be allowed any more; what waited behind it is judged anew.
  private mutating func refusePending(_ id: SessionID, _ name: ChannelName) {
    guard let session = session(id), let channel = channels.index(of: name) else { return }
    let key = PendingKey(slot: id.slot, channel: channel)
    guard let options = pending[key]?.options else { return }
    let history = options.since == nil ? nil : denial(of: .history, in: name, channel, session)
    guard let message = denial(ofBeing: options.mode, in: name, channel, session) ?? history else { return }
    fail(key, .forbidden, message)
  }

  /// Ends a subscription that is not allowed any more, in the way it is taken part in.
  private mutating func unsubscribeIfForbidden(_ id: SessionID, _ name: ChannelName) {
    guard let session = session(id), let channel = channels.index(of: name),
      let index = session.subscription(to: channel), session.subscriptions[index].isLive
    else { return }
    let key = PendingKey(slot: id.slot, channel: channel)
    // What it would go back to counts, too, if the subscribe failed.
    let mode = pending[key]?.previous ?? session.subscriptions[index].mode
    guard denial(ofBeing: mode, in: name, channel, session) != nil else { return }
    guard pending[key] == nil else {
      // A subscribe that is allowed is under way: only what it takes the place of ends.
      if session.subscriptions[index].mode == .member { act(.report(.leave(session.client, name, lost: false))) }
      membership.setMode(.none, channel, slot: id.slot)
      pending.modify(key) { $0.previous = PresenceMode.none }
      return
    }
    drop(channel, of: id.slot, lost: false)
    act(.reply(id, .unsubscribedByServer(name)))
  }

  /// What is missing to be in a channel in that way.
  private func denial(
    ofBeing mode: PresenceMode, in name: ChannelName, _ channel: ChannelIndex, _ session: Session
  ) -> String? {
    denial(of: .subscribe, in: name, channel, session)
      ?? (mode == .none ? nil : denial(of: .presence, in: name, channel, session))
  }
}
