import Glibc
import TLS

/// Whom clients trust: the authorities of the system, or those of the file that `SSL_CERT_FILE` names and no others.
enum ClientTrust {
  /// Read once, by the first connection that needs it.
  static let system = Result<TLSContext, TLSFileError>.read()
}

extension Result where Success == TLSContext, Failure == TLSFileError {
  fileprivate static func read() -> Self {
    do {
      let file = getenv("SSL_CERT_FILE").map { String(cString: $0) } ?? ""
      return .success(try TLSContext(TLSFiles(authorities: file.isEmpty ? nil : file)))
    } catch {
      return .failure(error)
    }
  }
}

extension StreamFailure {
  /// The reason with advice for whoever runs the client.
  var advice: String {
    switch problem {
    case .plain: "\(reason): use ws://"
    case .untrusted: "\(reason): SSL_CERT_FILE may name a file with that authority"
    case .name, .ownCertificate, .other: reason
    }
  }
}
