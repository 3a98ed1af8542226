import CTLS
import Glibc
import Locks

/// What the TLS connections of a program share: whom they trust, and the own certificate.
///
/// The files are read when it is made and at `reload`; connections that stand are not touched.
package final class TLSContext: Sendable {
  package let files: TLSFiles
  private let loaded: Lock<LoadedFiles>

  /// Throws when a file cannot be used.
  package init(_ files: TLSFiles) throws(TLSFileError) {
    self.files = files
    loaded = Lock(try LoadedFiles(files))
  }

  /// Reads the files again. Throws when one cannot be used; those that were read before stay then.
  package func reload() throws(TLSFileError) {
    let fresh = try LoadedFiles(files)
    loaded.withLock { $0 = fresh }
  }

  /// The files as they were read last.
  var current: LoadedFiles { loaded.withLock { $0 } }
}

/// One reading of the files. `@unchecked Sendable`: OpenSSL counts who uses it and locks what changes.
final class LoadedFiles: @unchecked Sendable {
  let context: OpaquePointer

  init(_ files: TLSFiles) throws(TLSFileError) {
    for path in [files.authorities, files.identity?.certificate, files.identity?.key] {
      if let path { try Self.look(at: path) }
    }
    var error = ctls_file_error.CTLS_FILES_FINE
    let opened = ctls_context_open(files.authorities, files.identity?.certificate, files.identity?.key, &error)
    guard let opened else { throw TLSFileError(description: Self.sentence(error, files)) }
    context = opened
  }

  deinit {
    ctls_context_close(context)
  }

  /// OpenSSL does not say why a file cannot be read, and would wait for one that is no file.
  private static func look(at path: String) throws(TLSFileError) {
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw TLSFileError(description: "\(path): \(String(cString: strerror(errno)))") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw TLSFileError(description: "\(path) is not a file")
    }
  }

  private static func sentence(_ error: ctls_file_error, _ files: TLSFiles) -> String {
    let certificate = files.identity?.certificate ?? ""
    let key = files.identity?.key ?? ""
    return switch error {
    case .CTLS_FILES_AUTHORITIES:
      files.authorities.map { "\($0) holds no certificate in PEM that can be read" }
        ?? "the certificates that this system trusts cannot be read"
    case .CTLS_FILES_CERTIFICATE: "\(certificate) holds no certificate in PEM that can be read"
    case .CTLS_FILES_KEY: "\(key) holds no key in PEM that can be read; it must not need a password"
    case .CTLS_FILES_PAIR: "the key in \(key) does not belong to the certificate in \(certificate)"
    case .CTLS_FILES_NO_MEMORY, .CTLS_FILES_FINE: "there is no memory for TLS"
    }
  }
}
