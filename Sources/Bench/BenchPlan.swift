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

  /// What cannot be run, in a sentence; nil when all is well.
  package var flaw: String? {
    if nodes.isEmpty { return "There is no node to load." }
    if connections < 1 { return "There must be one connection at least." }
    if channels < 1 { return "There must be one channel at least." }
    if channels > connections { return "There are more channels than connections to listen to them." }
    if load != .idle, publishers < 1 { return "Without a publisher nothing is published: --publishers 1 or more." }
    if payload < BenchMessage.minPayload { return "The payload is \(BenchMessage.minPayload) bytes at least." }
    if case .rate(let rate) = load, !(rate > 0 && rate <= 10_000_000) { return "The rate is above 0." }
    if case .window(let window) = load, window < 1 { return "The window is 1 or more." }
    if duration < 1 || warmup < 0 { return "The duration is above 0, the warm-up 0 or more." }
    return nil
  }

  /// How many connections listen to that channel.
  func listeners(of channel: Int) -> Int {
    connections / channels + (channel < connections % channels ? 1 : 0)
  }

  func channel(ofListener listener: Int) -> Int { listener % channels }

  static func name(ofChannel channel: Int) -> String { "bench:\(channel)" }
}
