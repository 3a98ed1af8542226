/// A message to oneself by way of Redis, every five seconds, without any I/O.
///
/// Finds a subscription that is alive in TCP and dead in fact: two probes that did not come back mean the links are of
/// no use.
struct Probe {
  /// Milliseconds between two probes.
  static let interval: Int64 = 5000
  /// Probes that may be missing.
  static let tolerance: UInt64 = 2

  private var sent: UInt64 = 0
  private var seen: UInt64 = 0
  private var lastSent: Int64?
  private var sentMicroseconds: Int64 = 0
  /// Seconds from publishing the latest probe to its return.
  private(set) var roundTrip: Double?

  var isHealthy: Bool { sent - seen < Self.tolerance }

  func isDue(now: Int64) -> Bool {
    guard let lastSent else { return true }
    return now - lastSent >= Self.interval
  }

  /// The number to publish; nil when too many have not come back.
  mutating func send(now: Int64, microseconds: Int64) -> UInt64? {
    guard isHealthy else { return nil }
    sent += 1
    lastSent = now
    sentMicroseconds = microseconds
    return sent
  }

  /// A probe has come back; one of an earlier connection is nothing new.
  mutating func received(_ number: UInt64, microseconds: Int64) {
    guard number > seen, number <= sent else { return }
    seen = number
    if number == sent { roundTrip = Double(microseconds - sentMicroseconds) / 1_000_000 }
  }

  /// What comes from Redis has been left there for a while, so that a probe may be late, and that means nothing.
  mutating func ignoreMissing() {
    seen = sent
  }

  /// A link was lost: what is under way will not come back, and that means nothing.
  mutating func forget() {
    seen = sent
    lastSent = nil
  }
}
