/// Who a connection belongs to, as a token or, in development, the client itself has said.
///
/// A class, so that a connection without one costs no more than the pointer.
package final class Identity: Sendable {
  package let user: UserName
  /// JSON text that presence shows of the user, before any of the client's own.
  package let info: String?
  /// What its holder may do, whatever the levels of the rules; nil leaves it to them.
  package let grants: [Grant]?
  /// Seconds since 1970 at which the token ends, its claim `exp`; nil without an end.
  package let expires: Int64?
  /// Whether it is of a token that nobody has verified.
  package let isUnverified: Bool

  package init(
    user: UserName, info: String? = nil, grants: [Grant]? = nil, expires: Int64? = nil, isUnverified: Bool = false
  ) {
    self.user = user
    self.info = info
    self.grants = grants
    self.expires = expires
    self.isUnverified = isUnverified
  }

  /// How far the clocks of two machines may be apart, in seconds: a token counts for that much longer.
  package static let leeway: Int64 = 30

  /// Milliseconds since 1970 at which the connection ends.
  package var deadline: Int64? {
    expires.map { ($0 + Self.leeway) * 1000 }
  }

  /// What all grants for the channel come to; nil where the rules decide.
  func capabilities(in channel: ChannelName) -> Capabilities? {
    grants?.reduce(into: []) { all, grant in
      if grant.channels.matches(channel) { all.formUnion(grant.capabilities) }
    }
  }
}
