import HTTPTypes
import Hub
import Server

/// What an HTTP connection may ask of the node; shared by all of them.
struct HTTPLimits: Sendable {
  /// Requests of one connection without a known key.
  static let rate = RateLimit(rate: 100, burst: 200)
  /// Bytes of later requests that may wait until the present one is answered. More than one read brings come only from a
  /// client that has ended its half of the stream, which SwiftNIO then reads to its end.
  static let maxUnread = 64 << 10

  /// Bytes that a part of a body counts for at least: it costs as much where a chunk holds one byte.
  static let leastPart = 128

  let tally = LimitTally()
  /// Proxies whose `X-Forwarded-For` names the client.
  let proxies: TrustedProxies
  /// Whether a request shows a key of the HTTP API; such are not counted.
  let isKnown: @Sendable (HTTPFields) -> Bool
  /// The room for the body of a request to that target, where somebody gathers it; that of any other is thrown away as it
  /// comes.
  let room: @Sendable (_ target: String, HTTPFields) -> BodyRoom?
}
