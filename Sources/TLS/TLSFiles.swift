/// The files of one side of TLS, in PEM.
package struct TLSFiles: Sendable, Equatable {
  /// Certificates that the peer's own must be signed by; nil for those the system trusts.
  package var authorities: String?
  /// The own certificate, with those that lead to its authority, and its key; both or neither.
  package var identity: Identity?

  package struct Identity: Sendable, Equatable {
    package var certificate: String
    package var key: String

    package init(certificate: String, key: String) {
      self.certificate = certificate
      self.key = key
    }
  }

  package init(authorities: String? = nil, identity: Identity? = nil) {
    self.authorities = authorities
    self.identity = identity
  }
}

/// A file that TLS cannot use: one sentence, without its end.
package struct TLSFileError: Error, Equatable, Sendable, CustomStringConvertible {
  package let description: String
}
