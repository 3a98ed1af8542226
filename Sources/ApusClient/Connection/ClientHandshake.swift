import JSON
import WebSocket

/// The client's side of the opening handshake (RFC 6455 section 4.1), without I/O.
struct ClientHandshake {
  enum Outcome {
    case incomplete
    /// The connection is a WebSocket; what came behind the answer is its first frames.
    case accepted(rest: [UInt8])
    case refused(ConnectionLoss)
  }

  /// The longest answer, in bytes.
  private static let maxAnswer = 16384
  private let key: String
  private var received: [UInt8] = []

  /// `nonce` is 16 random bytes.
  init(nonce: [UInt8]) {
    key = WebSocketKey.base64(nonce)
  }

  /// The token goes as a subprotocol, as browsers have to send it, and not in the URL, which ends up in logs.
  func request(_ url: ClientURL, token: ClientToken?) -> [UInt8] {
    let subprotocols = "apus.v1" + (token.map { ", auth.\($0.text)" } ?? "")
    let lines = [
      "GET \(url.target) HTTP/1.1", "Host: \(url.authority)", "Upgrade: websocket", "Connection: Upgrade",
      "Sec-WebSocket-Key: \(key)", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: \(subprotocols)", "", "",
    ]
    return Array(lines.joined(separator: "\r\n").utf8)
  }

  mutating func receive(_ bytes: UnsafeRawBufferPointer) -> Outcome {
    received.append(contentsOf: bytes)
    guard let end = received.firstRange(of: Array("\r\n\r\n".utf8)) else {
      return received.count > Self.maxAnswer
        ? .refused(.refused("The answer is not a WebSocket handshake.", retryAfter: nil)) : .incomplete
    }
    let lines = String(decoding: received[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
    let body = Array(received[end.upperBound...])
    let status = lines.first?.split(separator: " ").dropFirst().first ?? ""
    guard status == "101" else {
      let reason = Self.reason(String(decoding: body.prefix(1000), as: UTF8.self))
      return .refused(
        .refused("The node refused the connection (\(status)). \(reason)", retryAfter: Self.retryAfter(status, lines)))
    }
    let accept = Self.values(of: "sec-websocket-accept", in: lines)
    guard accept.count == 1, accept[0] == WebSocketKey.accept(for: key) else {
      let words = "This is not a WebSocket server: its answer does not match the key."
      return .refused(.refused(words, retryAfter: nil))
    }
    return .accepted(rest: body)
  }

  /// What the body of a refusal says, for a terminal: without control characters.
  private static func reason(_ body: String) -> String {
    let text = JSONObject(body)?.string("error") ?? body
    return String(
      String.UnicodeScalarView(text.unicodeScalars.filter { $0.properties.generalCategory != .control })
        .prefix(200))
  }

  /// How long to wait after a refusal that may pass, in milliseconds: too many connections, a full node, or a proxy
  /// without a node behind it.
  private static func retryAfter(_ status: Substring, _ lines: [Substring]) -> Int64? {
    guard ["429", "502", "503", "504"].contains(status) else { return nil }
    let seconds = values(of: "retry-after", in: lines).first.flatMap { Int64($0) } ?? 0
    return max(0, min(seconds, 3600)) * 1000
  }

  private static func values(of name: String, in lines: [Substring]) -> [String] {
    lines.dropFirst().compactMap { line in
      guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name else { return nil }
      return line[line.index(after: colon)...].filter { $0 != " " }
    }
  }
}
