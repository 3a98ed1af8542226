/// The server's answer to an opening handshake: RFC 6455 section 4.2.2.
package enum HandshakeResponse {
  /// The `101` that makes the connection a WebSocket. `subprotocol` and `deflate` are of those offered, or none.
  package static func accept(
    _ request: HandshakeRequest, subprotocol: String?, deflate: PerMessageDeflate? = nil
  ) -> [UInt8] {
    var head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    head += WebSocketKey.accept(for: request.key)
    if let subprotocol {
      head += "\r\nSec-WebSocket-Protocol: "
      head += subprotocol
    }
    if let deflate {
      head += "\r\nSec-WebSocket-Extensions: "
      head += deflate.response
    }
    head += "\r\n\r\n"
    return Array(head.utf8)
  }

  /// A plain HTTP answer with the reason in JSON, after which the connection is closed.
  package static func refuse(_ refusal: HandshakeRefusal) -> [UInt8] {
    let body = refusal.body
    var head = "HTTP/1.1 \(refusal.status) \(phrase(for: refusal.status))\r\n"
    for header in refusal.headers { head += "\(header.name): \(header.value)\r\n" }
    head += "Content-Type: \(contentType)\r\nCache-Control: no-store\r\nContent-Length: \(body.utf8.count)\r\n"
    // What concerns this connection alone is named there (RFC 9110 section 7.8).
    let upgrades = refusal.headers.contains { $0.name == "Upgrade" }
    head += "Connection: close\(upgrades ? ", Upgrade" : "")\r\n\r\n"
    return Array((refusal.isWithoutBody ? head : head + body).utf8)
  }

  private static let contentType = "application/json; charset=utf-8"

  /// RFC 9110 section 15, RFC 6585.
  private static func phrase(for status: Int) -> String {
    switch status {
    case 400: "Bad Request"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 408: "Request Timeout"
    case 405: "Method Not Allowed"
    case 426: "Upgrade Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 503: "Service Unavailable"
    case 505: "HTTP Version Not Supported"
    default: "Refused"
    }
  }
}
