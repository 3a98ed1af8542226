import Crypto
import HTTPTypes

/// The keys of the HTTP API. Kept and compared as hashes: in constant time, and never to be read out of memory.
struct APIKeys: Sendable {
  enum Rights: String, Sendable {
    case full, read
  }

  private let keys: [(digest: SHA256Digest, rights: Rights)]

  init(full: [String], read: [String]) {
    keys =
      full.map { (SHA256.hash(data: Array($0.utf8)), .full) } + read.map { (SHA256.hash(data: Array($0.utf8)), .read) }
  }

  var isEmpty: Bool { keys.isEmpty }

  /// What the key in an `Authorization: Bearer` opens; nil for none, and for one that is not known.
  func rights(of fields: HTTPFields) -> Rights? {
    guard let header = fields[.authorization], header.lowercased().hasPrefix("bearer ") else { return nil }
    let given = SHA256.hash(data: Array(header.dropFirst(7).utf8))
    // All are compared, so that the time tells nothing of which one it was.
    return keys.reduce(nil) { $1.digest == given ? $1.rights : $0 }
  }
}
