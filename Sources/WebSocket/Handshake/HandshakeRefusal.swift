/// Why a handshake, or another request, is refused, as the HTTP answer tells it.
package struct HandshakeRefusal: Error, Equatable, Sendable {
  /// One header of the answer; neither part holds anything a peer sent.
  package struct Header: Equatable, Sendable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The HTTP status, 4xx or 5xx.
  package var status: Int
  /// One line for people.
  package var reason: String
  /// Headers beyond those every refusal carries.
  package var headers: [Header]
  /// Whether the answer is one to HEAD, which has no body (RFC 9110 section 9.3.2).
  package var isWithoutBody = false

  /// A refusal no constructor below stands for.
  package init(status: Int, reason: String, headers: [Header] = []) {
    self.status = status
    self.reason = reason
    self.headers = headers
  }

  /// 400: the request is no handshake.
  package static func badRequest(_ reason: String) -> HandshakeRefusal {
    HandshakeRefusal(status: 400, reason: reason)
  }

  /// 403: `Origin` is not allowed.
  package static func forbiddenOrigin(_ reason: String) -> HandshakeRefusal {
    HandshakeRefusal(status: 403, reason: reason)
  }

  /// 403: the node does not answer to this `Host`.
  package static func forbiddenHost(_ reason: String) -> HandshakeRefusal {
    HandshakeRefusal(status: 403, reason: reason)
  }

  /// 404: no WebSocket at this path.
  package static var notFound: HandshakeRefusal {
    HandshakeRefusal(status: 404, reason: "There is no WebSocket at this path.")
  }

  /// 405: a handshake is a GET.
  package static func methodNotAllowed(isHead: Bool) -> HandshakeRefusal {
    var refusal = HandshakeRefusal(
      status: 405, reason: "A WebSocket handshake is a GET request.", headers: [Header("Allow", "GET")])
    refusal.isWithoutBody = isHead
    return refusal
  }

  /// 413: a body is longer than `limit` bytes, or says that it will be.
  package static func bodyTooLarge(_ limit: Int) -> HandshakeRefusal {
    HandshakeRefusal(status: 413, reason: "The body must not be longer than \(limit) bytes.")
  }

  /// 426: another version of the WebSocket protocol than 13, or none named (RFC 6455 section 4.4).
  package static var unsupportedVersion: HandshakeRefusal {
    HandshakeRefusal(
      status: 426, reason: "Only version 13 of the WebSocket protocol is supported.",
      headers: [Header("Sec-WebSocket-Version", "13"), Header("Upgrade", "websocket")])
  }

  /// 429: too many connections, or too many a second, from one address. `retryAfter` in seconds.
  package static func tooManyRequests(retryAfter: Int) -> HandshakeRefusal {
    temporary(status: 429, reason: "There are too many connections from this address.", retryAfter: retryAfter)
  }

  /// 431: a line, the whole head or the number of headers is over its limit.
  package static func headTooLarge(_ reason: String) -> HandshakeRefusal {
    HandshakeRefusal(status: 431, reason: reason)
  }

  /// 503: the node has as many connections as it may have. `retryAfter` in seconds.
  package static func full(retryAfter: Int) -> HandshakeRefusal {
    temporary(status: 503, reason: "This node is full.", retryAfter: retryAfter)
  }

  /// 503: the node is going away. `retryAfter` in seconds.
  package static func draining(retryAfter: Int) -> HandshakeRefusal {
    temporary(status: 503, reason: "This node is shutting down.", retryAfter: retryAfter)
  }

  /// 505: another major version of HTTP than 1.
  package static var unsupportedHTTPVersion: HandshakeRefusal {
    HandshakeRefusal(status: 505, reason: "Only HTTP/1.1 is supported.")
  }

  /// What stands in `code` of the answer.
  package var code: String {
    switch status {
    case 400: "bad_request"
    case 403: "forbidden"
    case 404: "not_found"
    case 405: "method_not_allowed"
    case 408: "timeout"
    case 413, 431: "too_large"
    case 417: "expectation_failed"
    case 426: "upgrade_required"
    case 429: "rate_limited"
    case 501: "not_implemented"
    case 503: "unavailable"
    case 505: "version_not_supported"
    default: "refused"
    }
  }

  /// The body of the answer, in JSON.
  package var body: String { #"{"code":"\#(code)","error":"\#(Self.escaped(reason))"}"# }

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": escaped += "\\\(scalar)"
      case "\u{0}"..."\u{1F}": escaped += " "
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  private static func temporary(status: Int, reason: String, retryAfter: Int) -> HandshakeRefusal {
    HandshakeRefusal(status: status, reason: reason, headers: [Header("Retry-After", String(retryAfter))])
  }
}
