import Cluster
import Model

/// What comes by the subscriptions, to the part that it is for.
extension Keyspace: SubscriptionListener {
  func received(kept item: Continuity.Item, in channel: ChannelName) {
    streams.received(item, channel)
  }

  func received(cleared position: StreamPosition, in channel: ChannelName) {
    streams.cleared(at: position, channel)
  }

  func received(presence event: ChannelEvent, in channel: ChannelName) {
    rosters.received(event, in: channel)
  }

  func received(control payload: UnsafeRawBufferPointer, isForAll: Bool) {
    switch ControlPayload.parse(payload, maxMessageSize: context.configuration.maxMessageSize) {
    case .probe(let number): probe.received(number)
    case .event(let addressee, let number, let range):
      guard announcements.isNew(number) else { return }
      if context.outlet.isCongested { subscriptions.pause() }
      users.received(UnsafeRawBufferPointer(rebasing: payload[range]), for: addressee, isForAll: isForAll)
    case .survey(let part, let number, let nodes, let range):
      let text = UnsafeRawBufferPointer(rebasing: payload[range])
      surveys.received(part, number: number, from: nodes, text, in: self)
    case nil: BrokerPayload.isUnknown(payload) ? subscriptions.unknown() : subscriptions.malformed()
    }
  }

  func attached(_ channel: ChannelName) {
    streams.attached(channel)
  }

  func abandoned(_ channel: ChannelName) {
    rosters.forget(channel)
    streams.forget(channel)
  }

  func controlSubscribed() {
    isSubscriberReady = true
    checkReady()
  }
}

extension Keyspace: RosterReader {
  func read(_ request: ReadQueue.Request, for callers: [Caller]) {
    rosters.read(request, for: callers)
  }

  func postpone(_ request: ReadQueue.Request, for callers: [Caller]) {
    rosters.postpone(request, for: callers)
  }
}
