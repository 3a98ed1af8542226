/// Who can tell whose token it is. Asked on a thread where it may take its time.
package protocol TokenAuthority: Sendable {
  /// Whose token it is and what it grants, at `wall` milliseconds since 1970.
  ///
  /// A refusal is `invalid_token`, or `expired_token` for one that was good once; it quotes nothing of the token.
  func verify(_ token: String, wall: Int64) -> Result<Identity, Refusal>
}
