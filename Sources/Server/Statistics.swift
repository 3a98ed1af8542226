import Model
import Protocol
import WebSocket

/// What one loop has counted: plain integers that only the loop touches, copied when somebody asks.
package struct Statistics: Sendable {
  package var connections = 0
  package var subscriptions = 0
  /// Streams of Server-Sent Events among the connections.
  package var streams = 0
  package var outboxBytes = 0
  package var connects = 0
  /// By close code; `other` for those that mean nothing here, of which a client may make up thousands.
  package var disconnects: [String: Int] = [:]
  /// By kind.
  package var commands = Tally<Command.Kind>()
  /// By error code.
  package var errors: [String: Int] = [:]
  package var published = 0
  package var delivered = 0
  /// By overflow policy: messages or connections given up because a client did not read.
  package var dropped: [String: Int] = [:]
  /// What each limit has kept away: connections or commands.
  package var limited: [String: Int] = [:]
  /// Tokens, by what became of them.
  package var authentications: [String: Int] = [:]
  /// Handshakes refused, by HTTP status.
  package var refused: [Int: Int] = [:]
  /// Share of its time that the loop has worked since it was last asked, 0 to 1.
  package var busyRatio = 0.0
  package var turns = 0
  package var sends = 0
  package var delivery = Histogram()

  package init() {}

  mutating func count(disconnect code: CloseCode) {
    disconnects[code.isKnown ? code.description : "other", default: 0] += 1
  }
}

/// How often each case of an enumeration has come, counted without hashing.
package struct Tally<Label: CaseIterable & RawRepresentable & Sendable>: Sendable where Label.RawValue == Int {
  private var counts = [Int](repeating: 0, count: Label.allCases.count)

  package init() {}

  mutating func count(_ label: Label) {
    counts[label.rawValue] += 1
  }

  /// Those that have come at all, by what `name` calls them.
  package func byName(_ name: (Label) -> String) -> [String: Int] {
    Label.allCases.reduce(into: [:]) { names, label in
      if counts[label.rawValue] > 0 { names[name(label)] = counts[label.rawValue] }
    }
  }
}

/// A limit, as it is called in the metrics.
package enum Limit: String, Sendable, CaseIterable {
  /// Commands of a connection.
  case rate
  /// Commands of all connections of a user on the node.
  case userRate = "user_rate"
  case connections
  /// Descriptors that clients may hold.
  case descriptors
  case connectionsPerAddress = "connections_per_address"
  case connectRate = "connect_rate"
  /// Channels of a connection.
  case channels
  case messageSize = "message_size"
  /// Requests of an HTTP connection.
  case httpRate = "http_rate"
  /// Bodies of HTTP requests under way.
  case httpBodies = "http_bodies"
}

/// How long deliveries took, in buckets by powers of two of microseconds.
package struct Histogram: Sendable {
  /// Bucket `i` counts what took at most 2^i times 16 microseconds; the last one everything.
  package private(set) var buckets = [Int](repeating: 0, count: 18)
  package private(set) var count = 0
  package private(set) var microseconds = 0

  package init() {}

  /// The upper bounds of all but the last bucket, in seconds.
  package static let bounds: [Double] = (0..<17).map { Double(16 << $0) / 1_000_000 }

  /// Counts `times` deliveries that took so long.
  package mutating func record(microseconds value: Int, times: Int) {
    let clamped = max(value, 0)
    let scaled = clamped <= 16 ? 0 : Int.bitWidth - ((clamped - 1) >> 4).leadingZeroBitCount
    buckets[min(scaled, buckets.count - 1)] += times
    count += times
    microseconds += clamped * times
  }

  package mutating func add(_ other: Histogram) {
    for index in buckets.indices { buckets[index] += other.buckets[index] }
    count += other.count
    microseconds += other.microseconds
  }
}
