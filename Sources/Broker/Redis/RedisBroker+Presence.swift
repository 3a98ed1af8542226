import Cluster
import Model
import Protocol
import Reactor
import Redis

/// Who is where: memberships of this node's connections, joins and leaves.
extension RedisBroker {
  /// Memberships entered again by one batch after a reconnect.
  private static var entryBatch: Int { 256 }

  // MARK: Entering

  func enter(_ entry: Entry) {
    watched.insert(entry.channel)
    if entry.mode == .member {
      _ = presence.enter(entry.occupant, entry.channel, now: Int(Sys.wallMilliseconds()))
    }
    ask(entry)
  }

  /// Asks again for what had to wait for the link.
  func resume(_ entry: Entry) {
    // Who has left meanwhile must not be entered again.
    if entry.mode == .member, !presence.isWanted(entry.occupant.client, in: entry.channel) { return }
    ask(entry)
  }

  private func ask(_ entry: Entry) {
    guard isCommandReady else {
      linkState == .down ? refuse(entry) : waitingEntries.append(entry)
      return
    }
    guard entry.mode == .member, let membership = presence.membership(entry.occupant.client, in: entry.channel) else {
      return askRoster(entry)
    }
    if !sendJoin(entry.channel, membership, { [unowned self] in joined(entry, $0) }) { refuse(entry) }
  }

  /// Redis has made a connection a member, or not: a roster that is read from now on has it.
  private func joined(_ entry: Entry, _ outcome: RedisLink.Outcome) {
    guard case .reply(let reply) = outcome else {
      // Joining twice is harmless, so a join whose answer was lost simply waits for the link.
      if linkState == .down { refuse(entry) } else { waitingEntries.append(entry) }
      return
    }
    if let error = reply.error {
      if error.isFenced { waitingEntries.append(entry) } else { refuse(entry) }
      return complain(error)
    }
    askRoster(entry)
  }

  private func refuse(_ entry: Entry) {
    if let caller = entry.caller { outlet.answer(.failure(Self.unreachable), to: caller) }
  }

  /// The link is down: nobody waits any longer. The hub takes its memberships back.
  func refuseWaiting() {
    let waiting = waitingEntries
    waitingEntries = []
    for entry in waiting { refuse(entry) }
  }

  private func sendJoin(
    _ channel: ChannelName, _ membership: PresenceTable.Membership, isAgain: Bool = false,
    _ answer: @escaping (RedisLink.Outcome) -> Void
  ) -> Bool {
    let occupant = membership.occupant
    let entry = PresenceEntry(
      user: occupant.user, node: nodeID.string, since: membership.since, info: occupant.info)
    let head = EventEncoder.joinHead(
      channel: channel, user: occupant.user, client: occupant.client, info: occupant.info)
    return scripts.run(
      .join,
      keys: [
        keys.node(nodeID.string), keys.presence(channel), keys.users(channel), keys.channels(ofNode: nodeID.string),
      ],
      [
        .text(occupant.client.string), .bytes(entry.encoded()), .text(occupant.user?.string ?? ""),
        .text(channel.string), .text(keys.messages(channel)), .bytes(head), isAgain ? "1" : "0",
      ], answer: answer)
  }

  // MARK: Leaving

  func lose(_ client: ClientID, _ channel: ChannelName) {
    if presence.lose(client, channel) { departures.append(client, channel, now: loop.now) }
  }

  func leave(_ client: ClientID, _ channel: ChannelName) {
    guard let membership = presence.leave(client, channel), isCommandReady else { return }
    sendLeave(channel, membership) {}
  }

  /// Ends the memberships of lost connections whose grace is over.
  func endGraces() {
    while let departure = departures.pop(now: loop.now) {
      // Entered again meanwhile (the same connection cannot be, but its membership could be newer): left alone.
      guard presence.membership(departure.client, in: departure.channel)?.isLost == true else { continue }
      leave(departure.client, departure.channel)
    }
  }

  private func sendLeave(
    _ channel: ChannelName, _ membership: PresenceTable.Membership, then done: @escaping () -> Void
  ) {
    let occupant = membership.occupant
    let head = EventEncoder.leaveHead(channel: channel, user: occupant.user, client: occupant.client, info: nil)
    let sent = scripts.run(
      .leave, keys: [keys.presence(channel), keys.users(channel)],
      [
        .text(keys.messages(channel)), .text(occupant.client.string), .text(occupant.user?.string ?? ""),
        .bytes(head), "",
      ]
    ) { [unowned self] outcome in
      defer { done() }
      // What is lost with its connection is sent again when there is another.
      guard case .reply(let reply) = outcome else { return }
      if let error = reply.error {
        hasUnsentLeaves = true
        return complain(error)
      }
      if presence.left(occupant.client, channel, version: membership.version) {
        _ = commands.send(RedisCommand("SREM", keys.channels(ofNode: nodeID.string), channel.string)) { _ in }
      }
    }
    if !sent {
      hasUnsentLeaves = true
      done()
    }
  }

  // MARK: After a lost connection

  /// Brings Redis in line with the table: joins and leaves everything anew, then looks for entries nobody stands behind.
  func enterAgain(_ life: UInt64) {
    enterAgain(presence.all, from: 0, life)
  }

  private func enterAgain(
    _ memberships: [(channel: ChannelName, membership: PresenceTable.Membership)], from start: Int, _ life: UInt64
  ) {
    guard life == self.life else { return }
    guard start < memberships.count else { return finishEntering(life) }
    let end = min(start + Self.entryBatch, memberships.count)
    for index in start..<end {
      let (channel, old) = memberships[index]
      // The table may have changed while earlier batches were on their way.
      guard let membership = presence.membership(old.occupant.client, in: channel) else {
        if index == end - 1 { enterAgain(memberships, from: end, life) }
        continue
      }
      let done: (RedisError?) -> Void = { [unowned self] error in
        if let error, !error.isFenced { complain(error) }
        if error?.isFenced ?? false { commands.reset("the lease was lost while members were entered") }
        if index == end - 1 { enterAgain(memberships, from: end, life) }
      }
      if membership.isWanted {
        let sent = sendJoin(channel, membership, isAgain: true) { outcome in
          guard case .reply(let reply) = outcome else { return }
          done(reply.error)
        }
        if !sent { return commands.reset("more has to be entered than can be sent") }
      } else {
        sendLeave(channel, membership) { done(nil) }
      }
    }
  }

  /// Sends the leaves that came while members were entered again: their channels may have been looked through by then.
  func sendMissedLeaves() {
    hasUnsentLeaves = false
    leavesAsked = loop.now
    for (channel, membership) in presence.all where !membership.isWanted {
      sendLeave(channel, membership) {}
    }
  }

  /// Sends leaves again that Redis has not taken, once a second at most.
  func repeatLeavesIfDue() {
    if hasUnsentLeaves, loop.now - leavesAsked >= 1000 { sendMissedLeaves() }
  }

  private func finishEntering(_ life: UInt64) {
    let keeping: (ClientID, ChannelName) -> Bool = { [unowned self] in presence.isWanted($0, in: $1) }
    reaper.sweep(nodeID.string, keeping: keeping) { [unowned self] _ in commandsReady(life) }
  }

  // MARK: Joins and leaves of the cluster

  func receivedPresence(_ text: UnsafeRawBufferPointer, _ channel: ChannelName, excluding client: ClientID?) {
    guard let count = Self.count(endingIn: text) else { return }
    switch crowd.changed(channel, count: count) {
    case .tell:
      let frame = EventEncoder.text(text)
      // Told now, it might be newer than the roster that is being read and comes after it.
      guard held[channel] == nil else { return held[channel, default: []].append((frame, client)) }
      deliver(channel, frame, .watchers, excluding: client)
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

  func tellCrowds() {
    for (channel, count) in crowd.due(now: loop.now) { tell(channel, Roster(members: nil, count: count)) }
  }

  func tell(_ channel: ChannelName, _ roster: Roster) {
    deliver(channel, EventEncoder.members(channel: channel, roster: roster), .watchers, excluding: nil)
  }

  /// Channels nobody here listens to are not unsubscribed when the link is lost; they end with it.
  func forgetUnheardChannels() {
    for channel in watched where interest.loops(of: channel).isEmpty {
      watched.remove(channel)
      crowd.forget(channel)
    }
  }

  /// After a gap in the subscription joins and leaves may have been missed: watchers get the whole roster.
  func resyncIfDue() {
    guard let resyncAt, loop.now >= resyncAt, linkState == .up else { return }
    self.resyncAt = nil
    for channel in watched { tellRoster(channel) }
  }
}
