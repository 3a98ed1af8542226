import Cluster
import DequeModule
import Model

/// Which loops listen to which channel, and how far the channel's Redis subscription is, without any I/O.
///
/// One SUBSCRIBE or UNSUBSCRIBE is under way per channel at any time. A channel is kept for two seconds after its last
/// listener has gone, since those who reload a page come back. All confirmations belong to the present life of the
/// link; `linkLost` forgets what was under way.
struct SubscriptionTable {
  /// What the shell is to do.
  enum Action: Equatable {
    case subscribe(ChannelName)
    case unsubscribe(ChannelName)
    /// Tell the loops that the channel's messages arrive from now on.
    case attached(ChannelName, LoopSet)
  }

  private enum State {
    /// Wanted, and asked for as soon as there is a link.
    case wanted
    case subscribing
    case subscribed
    /// Subscribed, and given up at that moment unless somebody comes.
    case lingering(until: Int64)
    case unsubscribing
  }

  private struct Entry {
    var state: State
    var loops = LoopSet()
    /// Those of `loops` that have not been told `attached` yet.
    var waiting = LoopSet()
  }

  /// How long a subscription outlives its last listener, in milliseconds.
  static let linger: Int64 = 2000

  private var channels: [ChannelName: Entry] = [:]
  private var expiries: Deque<(channel: ChannelName, at: Int64)> = []
  private(set) var isLinked = false

  /// How many channels have a listener on this node.
  var activeCount: Int { channels.values.count(where: { !$0.loops.isEmpty }) }

  /// Whether the channel is subscribed, or is to be.
  func knows(_ channel: ChannelName) -> Bool { channels[channel] != nil }

  func loops(of channel: ChannelName) -> LoopSet { channels[channel]?.loops ?? LoopSet() }

  // MARK: Loops

  mutating func attach(_ channel: ChannelName, _ loop: LoopIndex) -> Action? {
    var entry = channels[channel] ?? Entry(state: .wanted)
    entry.loops.insert(loop)
    defer { channels[channel] = entry }
    switch entry.state {
    case .subscribed, .lingering:
      entry.state = .subscribed
      entry.waiting.remove(loop)
      var answered = LoopSet()
      answered.insert(loop)
      return .attached(channel, answered)
    case .subscribing, .unsubscribing:
      entry.waiting.insert(loop)
      return nil
    case .wanted:
      entry.waiting.insert(loop)
      guard isLinked else { return nil }
      entry.state = .subscribing
      return .subscribe(channel)
    }
  }

  mutating func detach(_ channel: ChannelName, _ loop: LoopIndex, now: Int64) {
    guard var entry = channels[channel] else { return }
    entry.loops.remove(loop)
    entry.waiting.remove(loop)
    guard entry.loops.isEmpty else { return channels[channel] = entry }
    switch entry.state {
    case .wanted: channels[channel] = nil
    case .subscribed:
      linger(channel, &entry, now: now)
      channels[channel] = entry
    case .subscribing, .lingering, .unsubscribing: channels[channel] = entry
    }
  }

  private mutating func linger(_ channel: ChannelName, _ entry: inout Entry, now: Int64) {
    entry.state = .lingering(until: now + Self.linger)
    expiries.append((channel, now + Self.linger))
  }

  /// The first moment at which a subscription may have to be given up.
  var nextExpiry: Int64? { expiries.first?.at }

  /// Gives up what nobody has come back to.
  mutating func expire(now: Int64) -> [Action] {
    var actions: [Action] = []
    while let (channel, at) = expiries.first, at <= now {
      expiries.removeFirst()
      // One that somebody came back to meanwhile has another state, or lingers anew with a later moment.
      guard case .lingering(let until)? = channels[channel]?.state, until <= now else { continue }
      channels[channel]?.state = .unsubscribing
      actions.append(.unsubscribe(channel))
    }
    return actions
  }

  // MARK: The link

  /// Redis has confirmed a SUBSCRIBE.
  mutating func confirmed(_ channel: ChannelName, now: Int64) -> Action? {
    guard var entry = channels[channel], case .subscribing = entry.state else { return nil }
    defer { channels[channel] = entry }
    guard !entry.loops.isEmpty else {
      linger(channel, &entry, now: now)
      return nil
    }
    entry.state = .subscribed
    let waiting = entry.waiting
    entry.waiting = LoopSet()
    return .attached(channel, waiting)
  }

  /// Redis has confirmed an UNSUBSCRIBE.
  mutating func ended(_ channel: ChannelName) -> Action? {
    guard let entry = channels[channel], case .unsubscribing = entry.state else { return nil }
    guard !entry.loops.isEmpty else {
      channels[channel] = nil
      return nil
    }
    channels[channel]?.state = .subscribing
    return .subscribe(channel)
  }

  /// There is a link: everything wanted is to be asked for.
  mutating func linked() -> [ChannelName] {
    isLinked = true
    let wanted = channels.compactMap { if case .wanted = $0.value.state { $0.key } else { nil } }
    for channel in wanted { channels[channel]?.state = .subscribing }
    return wanted
  }

  /// The link is gone, and every subscription with it; every loop has to be told `attached` anew.
  mutating func linkLost() {
    isLinked = false
    expiries.removeAll()
    channels = channels.compactMapValues { entry in
      entry.loops.isEmpty ? nil : Entry(state: .wanted, loops: entry.loops, waiting: entry.loops)
    }
  }
}
