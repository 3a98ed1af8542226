import WebSocket

/// The client's side of the opening handshake (RFC 6455 section 4.1), without I/O.
struct ClientHandshake {
  enum Outcome {
    case incomplete
    /// The connection is a WebSocket; what came behind the answer is its first frames.
    case accepted(rest: [UInt8])
    case refused(ApusClientError)
  }

  /// The longest answer, in bytes.
  private static let maxAnswer = 16384
  private let key: String
  private var received: [UInt8] = []

  /// `nonce` is 16 random bytes.
  init(nonce: [UInt8]) {
    key = WebSocketKey.base64(nonce)
  }

  func request(_ url: ClientURL) -> [UInt8] {
    let lines = [
      "GET \(url.target) HTTP/1.1", "Host: \(url.authority)", "Upgrade: websocket", "Connection: Upgrade",
      "Sec-WebSocket-Key: \(key)", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: apus.v1", "", "",
    ]
    return Array(lines.joined(separator: "\r\n").utf8)
  }

  mutating func receive(_ bytes: UnsafeRawBufferPointer) -> Outcome {
    received.append(contentsOf: bytes)
    guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else {
      return received.count > Self.maxAnswer ? .refused(ApusClientError("The answer is no handshake.")) : .incomplete
    }
    let lines = String(decoding: received[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
    let body = Array(received[end.upperBound...])
    let status = lines.first?.split(separator: " ").dropFirst().first ?? ""
    guard status == "101" else {
      let reason = String(decoding: body.prefix(200), as: UTF8.self)
      return .refused(ApusClientError("The node refused the connection (\(status)). \(reason)"))
    }
    let accept = lines.dropFirst().compactMap { line -> Substring? in
      guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == "sec-websocket-accept" else {
        return nil
      }
      return line[line.index(after: colon)...]
    }
    guard accept.count == 1, accept[0].filter({ $0 != " " }) == WebSocketKey.accept(for: key) else {
      return .refused(ApusClientError("What answered is no WebSocket server: it did not prove that it read the key."))
    }
    return .accepted(rest: body)
  }
}
