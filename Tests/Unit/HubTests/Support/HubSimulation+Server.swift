import Cluster
import Hub
import Model

/// What the server does with connections. Nobody is answered, so what comes of it is known from the model alone.
extension HubSimulation {
  mutating func put(_ slot: UInt32, _ channel: ChannelName, _ mode: PresenceMode) throws {
    let key = Key(slot: slot, channel: channel)
    let isWaiting = places[key]?.isPending == true
    let isDone = hub.put(session(slot), into: channel, SubscribeOptions(mode))
    try check(isDone == (isWaiting || canBegin(key)), "put: \(isDone)")
    if isDone { enqueue(.put(mode, hasBegun: false), key) }
    try settle(closing: nil)
  }

  mutating func take(_ slot: UInt32, _ channel: ChannelName) throws {
    let key = Key(slot: slot, channel: channel)
    let isIn = places[key]?.isPending == true || places[key]?.mode != nil
    let isDone = hub.take(session(slot), outOf: channel)
    try check(isDone == isIn, "taken: \(isDone)")
    if isDone { enqueue(.take, key) }
    try settle(closing: nil)
  }

  private mutating func enqueue(_ command: Command, _ key: Key) {
    requests += 1
    places[key, default: Place()].commands.append((requests, command))
  }

  /// Whether a put whose turn it is can be begun.
  private func canBegin(_ key: Key) -> Bool {
    let others = places.count { place in
      place.key.slot == key.slot && place.key != key && (place.value.mode != nil || place.value.isPending)
    }
    let isReachable = link != .down || confirmed.contains(key.channel)
    return isReachable && (places[key]?.mode != nil || others < Self.maxChannels)
  }

  /// What the server does takes its turn without a word where nothing comes of it, and where a put begins.
  mutating func takeTurns(_ key: Key) {
    while let (_, command) = places[key]?.commands.first {
      switch command {
      case .take where places[key]?.mode == nil: places[key]?.commands.removeFirst()
      case .put(let mode, hasBegun: false):
        guard canBegin(key) else {
          places[key]?.commands.removeFirst()
          continue
        }
        // It takes part as before, where it is not to take part in a certain way.
        let mode = mode == .none ? places[key]?.mode ?? PresenceMode.none : mode
        places[key]?.commands[0].command = .put(mode, hasBegun: true)
        places[key]?.isByServer = true
        return
      case .take, .put, .subscribe, .unsubscribe, .publish, .presence: return
      }
    }
  }

  mutating func takeTurns(ofSlot slot: UInt32) {
    for key in Array(places.keys) where key.slot == slot { takeTurns(key) }
  }

  /// The puts that are under way fail where `isConcerned`: all is as it was before.
  mutating func failPuts(where isConcerned: (Key, Place) -> Bool) {
    for (key, place) in places where place.isBeingPut && isConcerned(key, place) {
      places[key]?.commands.removeFirst()
      failedPuts += 1
      settleRefusal(key)
    }
  }

  /// The client is told that the server has taken it out: by a take whose turn it is, or since it may not be there.
  mutating func tookOut(_ session: SessionID, _ channel: ChannelName) throws {
    let key = Key(slot: session.slot, channel: channel)
    takeTurns(key)
    if case .take? = places[key]?.commands.first?.command {
      places[key]?.commands.removeFirst()
      takes += 1
      try check(places[key]?.mode != nil, "taken out twice")
    } else {
      let isIn = (places[key]?.mode ?? PresenceMode.none) != PresenceMode.none
      try check(
        channel == forbidden && places[key]?.mode != nil || channel == quiet && isIn, "unsubscribed for no reason")
      try check(places[key]?.isByServer == false, "the server had put it there")
    }
    places[key]?.mode = nil
    places[key]?.isByServer = false
    places[key]?.backlog = []
    places[key]?.position = nil
  }
}

extension HubSimulation.Command {
  /// Whether no client has asked for it.
  var isServers: Bool {
    switch self {
    case .put, .take: true
    case .subscribe, .unsubscribe, .publish, .presence: false
    }
  }
}
