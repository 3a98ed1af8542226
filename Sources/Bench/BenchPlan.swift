import ApusClient
import Reactor

/// What a load is made of.
package struct BenchPlan: Sendable {
  /// When the next message is published.
  package enum Load: Equatable, Sendable {
    /// Open loop: so many messages a second in all, whatever becomes of them; latency counts from the intended moment.
    case rate(Double)
    /// Closed loop: so many messages under way at any time.
    case window(Int)
    /// Nothing is published; the connections are held.
    case idle
  }

  /// The nodes; connections are dealt out to them in turn.
  package var nodes: [ClientURL]
  /// Connections that listen, to one channel each.
  package var connections: Int
  package var channels: Int
  /// Connections that publish, besides those that listen.
  package var publishers: Int
  /// Bytes of a message's data.
  package var payload: Int
  package var load: Load
  /// Milliseconds that are measured, and those before them.
  package var duration: Int64
  package var warmup: Int64
  /// Local addresses to connect from, in turn; empty for the usual ones.
  package var sources: [SocketAddress]
  /// What tells this run's channels from those of another that loads the same nodes.
  let run = String((0..<6).compactMap { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement() })

  package init(
    nodes: [ClientURL], connections: Int, channels: Int, publishers: Int, payload: Int, load: Load, duration: Int64,
    warmup: Int64, sources: [SocketAddress] = []
  ) {
    self.nodes = nodes
    self.connections = connections
    self.channels = channels
    self.publishers = publishers
    self.payload = payload
    self.load = load
    self.duration = duration
    self.warmup = warmup
    self.sources = sources
  }

  /// Far more of anything than one generator can bring about, and few enough to count with.
  private static let most = 10_000_000
  private static let payloads = BenchMessage.minPayload...16 << 20

  /// What cannot be run, in a sentence; nil when all is well.
  package var flaw: String? {
    if nodes.isEmpty { return "There is no node to load." }
    if connections < 1 { return "There must be at least one connection." }
    if connections > Self.most || publishers > Self.most { return "There can be at most \(Self.most) connections." }
    if channels < 1 { return "There must be at least one channel." }
    if channels > connections { return "There are more channels than connections to subscribe to them." }
    if publishers < 0 { return "There must be 0 publishers or more." }
    if load != .idle, publishers < 1 { return "Without a publisher nothing is published: use --publishers 1 or more." }
    if !Self.payloads.contains(payload) {
      return "The payload must be from \(Self.payloads.lowerBound) to \(Self.payloads.upperBound) bytes."
    }
    if case .rate(let rate) = load, !(0.001...Double(Self.most)).contains(rate) {
      return "The rate must be from 0.001 to \(Self.most) messages a second."
    }
    if case .window(let window) = load, !(1...Self.most).contains(window) {
      return "The window must be from 1 to \(Self.most) messages."
    }
    let places = connections * Assignment(publishers: max(1, publishers), channels: channels).publishersPerChannel
    if places > 10 * Self.most { return "That many publishers and subscribers cannot be kept apart: use fewer." }
    if duration < 1 || warmup < 0 { return "The duration must be above 0, the warm-up 0 or more." }
    return nil
  }

  /// How many connections listen to that channel.
  func listeners(of channel: Int) -> Int {
    connections / channels + (channel < connections % channels ? 1 : 0)
  }

  func channel(ofListener listener: Int) -> Int { listener % channels }

  func name(ofChannel channel: Int) -> String { "bench:\(run):\(channel)" }
}
