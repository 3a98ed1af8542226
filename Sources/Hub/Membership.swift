import Cluster
import Model

/// Who is in which channel: a loop's sessions and channels, and the positions that tie them together.
///
/// A session knows its subscriptions, and each of them where the connection stands among its channel's listeners and
/// watchers; so a connection comes and goes in constant time, and a channel's listeners are one array that can be lent.
/// `check` says what must hold between the two.
struct Membership {
  var sessions = SessionTable()
  var channels: ChannelTable
  private(set) var subscriptionCount = 0

  init(_ keyspaces: KeyspaceMap) {
    channels = ChannelTable(keyspaces)
  }

  /// How the connection is in the channel; nil where it is not.
  func subscription(_ slot: UInt32, in channel: ChannelIndex) -> Subscription? {
    guard let session = sessions[slot], let index = session.subscription(to: channel) else { return nil }
    return session.subscriptions[index]
  }

  /// Puts a connection into a channel, as one that is no listener yet.
  mutating func reserve(_ channel: ChannelIndex, slot: UInt32) {
    sessions.modify(slot) { $0.subscriptions.append(Subscription(channel: channel)) }
    subscriptionCount += 1
  }

  /// The server has put the connection there.
  mutating func markByServer(_ channel: ChannelIndex, slot: UInt32) {
    modify(slot, channel) { $0.isByServer = true }
  }

  /// Puts a connection that is in the channel among those whom messages go to.
  mutating func makeLive(_ channel: ChannelIndex, slot: UInt32) {
    let position = Int32(channels[channel].listeners.count)
    channels[channel].listeners.append(slot)
    modify(slot, channel) {
      $0.listener = position
      $0.isLive = true
    }
  }

  /// Takes a connection out from among those whom messages go to, while events are buffered for it.
  mutating func setAside(_ channel: ChannelIndex, slot: UInt32) {
    guard let subscription = subscription(slot, in: channel) else { return }
    removeWatcher(channel, at: subscription.watcher)
    removeListener(channel, at: subscription.listener)
    modify(slot, channel) { $0.listener = -1 }
  }

  /// Sets how a connection takes part in presence; of others it is told while it is among the listeners.
  mutating func setMode(_ mode: PresenceMode, _ channel: ChannelIndex, slot: UInt32) {
    guard let subscription = subscription(slot, in: channel) else { return }
    if mode == .none {
      removeWatcher(channel, at: subscription.watcher)
    } else if subscription.watcher < 0, subscription.listener >= 0 {
      let position = Int32(channels[channel].watchers.count)
      channels[channel].watchers.append(slot)
      modify(slot, channel) { $0.watcher = position }
    }
    modify(slot, channel) { $0.mode = mode }
  }

  /// Takes a connection out of a channel, which stays, whether or not anybody is left; nil where it was not in it.
  mutating func remove(_ slot: UInt32, from channel: ChannelIndex) -> Subscription? {
    guard let subscription = subscription(slot, in: channel) else { return nil }
    removeWatcher(channel, at: subscription.watcher)
    removeListener(channel, at: subscription.listener)
    sessions.modify(slot) { session in
      if let index = session.subscription(to: channel) { session.subscriptions.remove(at: index) }
    }
    subscriptionCount -= 1
    return subscription
  }

  /// The last listener takes the position of the one that goes, so that the array stays contiguous.
  private mutating func removeListener(_ channel: ChannelIndex, at position: Int32) {
    guard position >= 0, let last = channels[channel].listeners.popLast() else { return }
    if Int(position) < channels[channel].listeners.count {
      channels[channel].listeners[Int(position)] = last
      modify(last, channel) { $0.listener = position }
    }
  }

  private mutating func removeWatcher(_ channel: ChannelIndex, at position: Int32) {
    guard position >= 0, let last = channels[channel].watchers.popLast() else { return }
    let leaving = Int(position) < channels[channel].watchers.count ? channels[channel].watchers[Int(position)] : last
    if leaving != last {
      channels[channel].watchers[Int(position)] = last
      modify(last, channel) { $0.watcher = position }
    }
    modify(leaving, channel) { $0.watcher = -1 }
  }

  private mutating func modify(_ slot: UInt32, _ channel: ChannelIndex, _ change: (inout Subscription) -> Void) {
    sessions.modify(slot) { session in
      guard let index = session.subscription(to: channel) else { return assertionFailure("\(slot) is not in it") }
      change(&session.subscriptions[index])
    }
  }

  // MARK: The invariant

  /// What does not hold between sessions and channels; nil where all does. For tests: it takes time.
  func check() -> String? {
    var count = 0
    for session in sessions {
      for subscription in session.subscriptions {
        count += 1
        let (channel, slot) = (channels[subscription.channel], session.id.slot)
        if !Self.isAt(subscription.listener, slot, channel.listeners) {
          return "\(slot) is no listener of \(channel.name)"
        }
        if !Self.isAt(subscription.watcher, slot, channel.watchers) {
          return "\(slot) is no watcher of \(channel.name)"
        }
        if subscription.watcher >= 0, subscription.listener < 0 { return "\(slot) watches \(channel.name) unheard" }
      }
    }
    for channel in channels.indices.map({ channels[$0] }) {
      for slots in [channel.listeners, channel.watchers] where Set(slots).count != slots.count {
        return "somebody is twice in \(channel.name)"
      }
      let isKnown = { (slot: UInt32) in
        channels.index(of: channel.name).map { subscription(slot, in: $0) != nil } == true
      }
      if !(channel.listeners + channel.watchers + channel.pending).allSatisfy(isKnown) {
        return "somebody who is not in \(channel.name) stands there"
      }
    }
    return count == subscriptionCount ? nil : "\(subscriptionCount) subscriptions are counted, \(count) are there"
  }

  private static func isAt(_ position: Int32, _ slot: UInt32, _ slots: [UInt32]) -> Bool {
    position < 0 ? !slots.contains(slot) : Int(position) < slots.count && slots[Int(position)] == slot
  }
}

/// The sessions of one loop, by slot.
struct SessionTable: Sequence {
  private var sessions: [Session?] = []
  private(set) var count = 0

  /// The session in a slot, if there is one.
  subscript(slot: UInt32) -> Session? { Int(slot) < sessions.count ? sessions[Int(slot)] : nil }

  mutating func insert(_ session: Session) {
    let slot = Int(session.id.slot)
    while sessions.count <= slot { sessions.append(nil) }
    if sessions[slot] == nil { count += 1 }
    sessions[slot] = session
  }

  mutating func remove(_ slot: UInt32) {
    guard self[slot] != nil else { return assertionFailure("\(slot) has no session") }
    sessions[Int(slot)] = nil
    count -= 1
  }

  /// Changes a session, which must be there.
  mutating func modify<Result>(_ slot: UInt32, _ change: (inout Session) -> Result) -> Result? {
    guard Int(slot) < sessions.count, sessions[Int(slot)] != nil else {
      assertionFailure("\(slot) has no session")
      return nil
    }
    return change(&sessions[Int(slot)]!)
  }

  func makeIterator() -> some IteratorProtocol<Session> { sessions.lazy.compactMap(\.self).makeIterator() }
}

extension Dictionary {
  /// Changes the value of a key, which must be there.
  mutating func modify(_ key: Key, _ change: (inout Value) -> Void) {
    guard let index = index(forKey: key) else { return assertionFailure("\(key) is not there") }
    change(&values[index])
  }
}
