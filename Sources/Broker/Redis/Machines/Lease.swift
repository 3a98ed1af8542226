/// Whether this node may be believed to be alive, without any I/O.
///
/// A node holds one lease in Redis and renews it; everything it put there lives by it. All times are milliseconds of
/// the node's own clock; whether a lease has run out is decided by Redis' clock alone.
struct Lease {
  /// How long a lease lasts unless renewed.
  static let duration: Int64 = 10_000
  /// How often it is renewed.
  static let renewal: Int64 = 3_000
  /// How early it may be renewed, so that a node renews all that it has at one time.
  static let earlyRenewal: Int64 = 2_000

  /// When it was renewed last; nil while there is none.
  private(set) var renewed: Int64?
  /// Since when it has been renewed without a break on this run of Redis.
  private var steadySince: Int64?

  var isHeld: Bool { renewed != nil }

  func age(now: Int64) -> Int64? { renewed.map { now - $0 } }

  /// Redis has confirmed the lease.
  mutating func confirm(now: Int64) {
    if let renewed, now - renewed > Self.duration { steadySince = now }
    renewed = now
    steadySince = steadySince ?? now
  }

  /// The connection, or the lease itself, is gone.
  mutating func lose() {
    renewed = nil
    steadySince = nil
  }

  /// Whether it may be decided that other nodes are dead: after Redis itself was away every lease may look past.
  func mayReap(now: Int64) -> Bool {
    guard let steadySince else { return false }
    return now - steadySince >= Self.duration
  }

  /// Whether it is time to renew.
  func isDue(after interval: Int64 = Self.renewal, now: Int64) -> Bool {
    guard let renewed else { return false }
    return now - renewed >= interval
  }
}
