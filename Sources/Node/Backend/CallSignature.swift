import Crypto

/// Proves to the backend that a call comes from a node, and when: the header `Apus-Signature`.
struct CallSignature: Sendable {
  static let header = "Apus-Signature"

  private let key: SymmetricKey

  init(secret: String) {
    key = SymmetricKey(data: Array(secret.utf8))
  }

  /// `t=<seconds>,v1=<hex of HMAC-SHA256 of "<t>.<body>">`; `seconds` since 1970.
  func value(for body: [UInt8], at seconds: Int64) -> String {
    var code = HMAC<SHA256>(key: key)
    code.update(data: Array("\(seconds).".utf8))
    code.update(data: body)
    return "t=\(seconds),v1=\(Self.hex(code.finalize()))"
  }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
