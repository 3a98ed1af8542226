@testable import WebSocket

/// A handshake written line by line, so that a test can change one of them.
struct RawHandshake {
  var requestLine = "GET /ws HTTP/1.1"
  var headers = [
    "Host: example.org:8080", "Upgrade: websocket", "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
  ]

  init(_ requestLine: String = "GET /ws HTTP/1.1", adding added: [String] = [], without removed: [String] = []) {
    self.requestLine = requestLine
    headers.removeAll { header in removed.contains { header.hasPrefix($0 + ":") } }
    headers += added
  }

  var text: String { ([requestLine] + headers).map { $0 + "\r\n" }.joined() + "\r\n" }
}

extension HandshakeOutcome {
  var request: HandshakeRequest? {
    if case .request(let request) = self { request } else { nil }
  }

  /// The status of a refusal, 101 for a request, 0 for neither.
  var status: Int {
    switch self {
    case .incomplete: 0
    case .request: 101
    case .refused(let refusal): refusal.status
    }
  }

  var refusal: HandshakeRefusal? {
    if case .refused(let refusal) = self { refusal } else { nil }
  }
}

extension HandshakeParser {
  /// What became of `pieces`, as soon as it was decided.
  static func outcome(of pieces: [[UInt8]], limits: Limits = Limits()) -> HandshakeOutcome {
    var parser = HandshakeParser(limits: limits)
    for piece in pieces {
      let outcome = piece.withUnsafeBytes { parser.receive($0) }
      if case .incomplete = outcome { continue }
      return outcome
    }
    return .incomplete
  }

  static func outcome(of text: String, limits: Limits = Limits()) -> HandshakeOutcome {
    outcome(of: [Array(text.utf8)], limits: limits)
  }
}
