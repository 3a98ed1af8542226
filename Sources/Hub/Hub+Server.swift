import Model

/// What the server does with the connections of users, whatever their rights.
extension Hub {
  /// Puts a connection into a channel, until the server takes it out or the client leaves; false where it is in too many
  /// already, or where the channel cannot be reached.
  ///
  /// One that is in the channel stays in its presence as it was, unless `options` say more.
  package mutating func put(_ id: SessionID, into name: ChannelName, _ options: SubscribeOptions) -> Bool {
    guard let session = session(id) else { return false }
    guard let channel = channels.index(of: name), let index = session.subscription(to: channel) else {
      guard session.subscriptions.count < limits.maxChannels, let channel = reserve(id, name) else { return false }
      begin(id, channel, options)
      return true
    }
    let key = PendingKey(slot: id.slot, channel: channel)
    if pending[key] != nil {
      pending[key]?.putByServer(.put(options))
      return true
    }
    guard isReachable(channel) else { return false }
    let mode = options.mode == .none ? session.subscriptions[index].mode : options.mode
    begin(id, channel, SubscribeOptions(mode, info: options.info))
    return true
  }

  private mutating func begin(_ id: SessionID, _ channel: ChannelIndex, _ options: SubscribeOptions) {
    membership.markByServer(channel, slot: id.slot)
    begin(id, channel, options, request: nil, isByServer: true)
  }

  /// Takes a connection out of a channel; false where it is not in it.
  package mutating func take(_ id: SessionID, outOf name: ChannelName) -> Bool {
    guard let session = session(id), let channel = channels.index(of: name), session.subscription(to: channel) != nil
    else { return false }
    let key = PendingKey(slot: id.slot, channel: channel)
    guard pending[key] == nil else {
      pending[key]?.putByServer(.take)
      return true
    }
    drop(channel, of: id.slot, lost: false)
    act(.reply(id, .unsubscribedByServer(name)))
    return true
  }

  // MARK: Who is here

  /// Some of the channels that have a listener, and how many each has: those of 4,096 places from `start` on, which take
  /// less than a millisecond. `next` is where to go on, nil at the end.
  package func census(from start: Int) -> (sizes: [ChannelSize], next: Int?) {
    membership.channels.census(from: start, places: 4096)
  }

  /// How many listeners a channel has.
  package func listenerCount(in name: ChannelName) -> Int {
    channels.index(of: name).map { channels[$0].listeners.count } ?? 0
  }

  /// The slot of a connection by its client's id, in time of the number of connections.
  package func slot(of client: ClientID) -> UInt32? {
    sessions.first { $0.client == client && !guests.contains($0.id.slot) }?.id.slot
  }

  package var userCount: Int { directory.count }
}

/// A channel, and how many connections listen to it.
package struct ChannelSize: Equatable, Sendable {
  package let name: ChannelName
  package let subscribers: Int

  package init(_ name: ChannelName, subscribers: Int) {
    self.name = name
    self.subscribers = subscribers
  }
}
