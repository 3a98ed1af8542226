import Redis

/// The subscriptions of a partition, at the server that has its slot, or for a while at the one that had it last.
extension PartitionLinks {
  func offerSubscriptions() {
    guard isOpen, let server, server.canSubscribe, subscribed == nil else { return }
    subscribed = server
    listener.subscriberReady()
  }

  func subscriberLost(at server: ClusterServer, _ loss: LinkLoss) {
    guard subscribed === server || self.server === server else { return }
    if subscribed === server || loss.isUnreachable { closeSubscriptions(loss) }
    offerSubscriptions()
  }

  func endSubscriptions(_ reason: String) {
    guard subscribed != nil else { return }
    closeSubscriptions(LinkLoss(reason: reason, isUnreachable: false))
    offerSubscriptions()
  }

  func closeSubscriptions(_ loss: LinkLoss) {
    subscribed = nil
    farewellEnds = nil
    unsubscribing = [:]
    listener.subscriberLost(loss)
  }

  /// Something has come by the subscriptions at that server, about that name.
  func received(_ push: Push, _ name: UnsafeRawBufferPointer, from server: ClusterServer) {
    guard subscribed === server else { return }
    if case .unsubscribed = push, !takeUnsubscribing(String(decoding: name, as: UTF8.self)) {
      return slotIsGone(from: server)
    }
    listener.received(push)
  }

  private func takeUnsubscribing(_ name: String) -> Bool {
    guard let count = unsubscribing[name] else { return false }
    unsubscribing[name] = count > 1 ? count - 1 : nil
    return true
  }

  /// The server has ended a subscription by itself, as it does with all of a slot that it gives away.
  private func slotIsGone(from server: ClusterServer) {
    noteOver(at: server)
    if self.server === server {
      cluster.doubt()
      loseCommands("its slot has moved")
    }
    endSubscriptions("its slot has moved")
    checkUnlessHasty()
  }

  /// A command of subscriptions was refused: all is subscribed again once the slot is known to be somewhere.
  func refusedSubscription(_ error: RedisError, from server: ClusterServer) {
    guard subscribed === server else { return }
    let reason = LinkPeer.clusterServer.advice(on: error)
    guard self.server === server else { return endSubscriptions(reason) }
    guard error.isOfSlot else { return reset(reason) }
    act(on: error, by: server)
    endSubscriptions(reason)
  }
}
