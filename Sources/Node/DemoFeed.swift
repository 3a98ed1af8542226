import Cluster
import JSON
import Model
import Protocol
import Reactor
import Server

/// The figures of a node with `--dev`, published once a second for the demo pages, which draw them as a page draws those of
/// any backend.
struct DemoFeed: Sendable {
  static let channel = "demo:stats"
  private static let interval = Duration.seconds(1)

  /// The node's id.
  let node: String
  let host: String
  let cluster: ClusterAccess
  let server: @Sendable () -> WebSocketServer?
  let isDraining: @Sendable () -> Bool

  /// Publishes until cancelled. What is refused is left out: the next row is a second away.
  func keepPublishing() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.interval)
      guard let server = server(), !Task.isCancelled, let channel = ChannelName(Self.channel) else { continue }
      guard let history = cluster.rules().rule(for: channel)?.history else { continue }
      let row = Row(
        node: node, host: host, time: Sys.wallMilliseconds(), isDraining: isDraining(),
        loops: await server.totals(), broker: await server.brokerStatus())
      let event = row.text.withUnsafeBytes { Interchange.draft(channel: channel, from: nil, client: nil, data: $0) }
      _ = try? await cluster.ask(
        .publish(Publication(channel: channel, kind: .message, event: event, history: history)))
    }
  }

  /// A node at a moment; messages are counted since its start, so that a row that is lost falsifies no rate.
  struct Row {
    let node: String
    let host: String
    /// Milliseconds since 1970.
    let time: Int64
    let isDraining: Bool
    let loops: [LoopTotals]
    let broker: BrokerStatus?

    var text: [UInt8] {
      var writer = ByteWriter(capacity: 256)
      writer.append(literal: #"{"node":"#)
      writer.append(quoting: node)
      writer.append(member: "host", host)
      writer.append(member: "time", Int(time))
      writer.append(member: "connections", loops.sum(of: \.connections))
      writer.append(member: "subscriptions", loops.sum(of: \.subscriptions))
      writer.append(member: "messagesIn", loops.sum(of: \.published))
      writer.append(member: "messagesOut", loops.sum(of: \.delivered))
      writer.append(member: "outbox", loops.sum(of: \.outboxBytes))
      writer.append(key: "redis")
      if let seconds = broker?.slowestRoundTrip {
        writer.append(number: seconds * 1000)
      } else {
        writer.append(literal: "null")
      }
      writer.append(literal: isDraining ? #","draining":true}"# : #","draining":false}"#)
      return writer.bytes
    }
  }
}
