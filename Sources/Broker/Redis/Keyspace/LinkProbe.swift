import Reactor
import Redis

/// Sends the probes of a keyspace, and gives up both links when what is published does not come back.
final class LinkProbe {
  static let failure = "published messages do not come back"

  private unowned let context: KeyspaceContext
  private unowned let lease: NodeLease
  private unowned let subscriptions: ChannelSubscriptions
  private var probe = Probe()

  init(_ context: KeyspaceContext, _ lease: NodeLease, _ subscriptions: ChannelSubscriptions) {
    self.context = context
    self.lease = lease
    self.subscriptions = subscriptions
  }

  var isHealthy: Bool { probe.isHealthy }
  /// Seconds of the latest round trip.
  var roundTrip: Double? { probe.roundTrip }

  func sendIfDue() {
    guard context.links.isProbed, probe.isDue(now: context.loop.now) else { return }
    if subscriptions.takeHasPaused() { probe.ignoreMissing() }
    guard let number = probe.send(now: context.loop.now, microseconds: Sys.monotonicMicroseconds()) else {
      return context.links.resetServer(Self.failure)
    }
    _ = context.publish(Array("probe \(number)".utf8), to: context.keys.control(lease.nodeID)) { _ in }
  }

  func received(_ number: UInt64) {
    probe.received(number, microseconds: Sys.monotonicMicroseconds())
  }

  /// A link was lost, or the node goes by another id: what is under way will not come back.
  func forget() {
    probe.forget()
  }
}

@available(*, unavailable)
extension LinkProbe: Sendable {}
