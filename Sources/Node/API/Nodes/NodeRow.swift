import Cluster
import JSON
import Server

/// How a node does, as `GET /api/nodes` tells it of each.
struct NodeRow {
  let description: NodeRespondent.Description
  let isDraining: Bool
  /// Resident bytes.
  let memory: Int?
  let loops: [LoopTotals]
  let rates: Traffic.Rates
  let broker: BrokerStatus?

  /// The close codes that say that something is wrong: too fast, too slow to read, silent.
  static let closes = ["4008", "4009", "4010"]
  /// The statuses of refused handshakes that are told apart; the rest is `other`.
  static let refusals = [401, 403, 429, 503]

  /// An object without the node's id.
  var text: [UInt8] {
    var writer = ByteWriter(capacity: 768)
    writer.append(literal: #"{"name":"#)
    writer.append(quoting: description.name)
    writer.append(member: "host", description.host)
    writer.append(member: "version", description.version)
    writer.append(member: "started", Int(description.started))
    writer.append(member: "connections", loops.sum(of: \.connections))
    writer.append(member: "subscriptions", loops.sum(of: \.subscriptions))
    writer.append(member: "channels", broker?.channels)
    writer.append(literal: isDraining ? #","draining":true"# : #","draining":false"#)
    writer.append(member: "memory", memory)
    writer.append(member: "busiestLoop", number: rates.busiestLoop)
    writer.append(member: "published", number: rates.published)
    writer.append(member: "delivered", number: rates.delivered)
    writer.append(member: "outbox", loops.sum(of: \.outboxBytes))
    writer.append(member: "gaps", broker?.gaps)
    writer.append(key: "closes")
    writer.append(object: Self.closes.map { code in (code, loops.sum { $0.disconnects[code] ?? 0 }) })
    writer.append(key: "refusals")
    writer.append(object: refusals)
    appendRedis(to: &writer)
    writer.append(byte: UInt8(ascii: "}"))
    return writer.bytes
  }

  private var refusals: [(String, Int)] {
    let known = Self.refusals.map { status in (String(status), loops.sum { $0.refused[status] ?? 0 }) }
    let all = loops.sum { $0.refused.values.reduce(0, +) }
    return known + [("other", all - known.reduce(0) { $0 + $1.1 })]
  }

  /// Nothing where the node stands alone.
  private func appendRedis(to writer: inout ByteWriter) {
    writer.append(member: "leaseAge", broker?.leaseAge.map(Int.init))
    guard let broker, !broker.shards.isEmpty else { return }
    writer.append(literal: broker.shards.allSatisfy(\.isUp) ? #","redisUp":true"# : #","redisUp":false"#)
    writer.append(member: "redisReconnects", broker.shards.reduce(0) { $0 + $1.reconnects })
    writer.append(member: "redisRoundTrip", number: broker.slowestRoundTrip.map { $0 * 1000 })
  }
}
