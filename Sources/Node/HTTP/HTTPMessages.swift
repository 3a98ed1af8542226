import HTTPTypes
import Hub
import NIOHTTP1
import WebSocket

extension HTTPRequest {
  /// Nil when the method is not a token.
  init?(_ head: RequestHead) {
    guard let method = HTTPRequest.Method(head.method) else { return nil }
    var fields = HTTPFields()
    for field in head.fields {
      guard let name = HTTPField.Name(field.name) else { return nil }
      fields.append(HTTPField(name: name, value: field.value))
    }
    if !head.expectsContinue { fields[.expect] = nil }
    self.init(method: method, scheme: "http", authority: head.authority, path: head.target, headerFields: fields)
  }
}

extension HTTPResponseHead {
  init(_ response: HTTPResponse) {
    self.init(
      version: .http1_1, status: HTTPResponseStatus(statusCode: response.status.code),
      headers: HTTPHeaders(response.headerFields.map { ($0.name.rawName, $0.value) }))
  }

  init(_ refusal: HandshakeRefusal) {
    var headers: HTTPHeaders = [
      "content-type": "application/json; charset=utf-8", "cache-control": "no-store",
      "content-length": "\(refusal.body.utf8.count)", "connection": "close",
    ]
    for header in refusal.headers { headers.add(name: header.name, value: header.value) }
    self.init(version: .http1_1, status: HTTPResponseStatus(statusCode: refusal.status), headers: headers)
  }
}

extension HandshakeRefusal {
  static let tooManyRequestsOfOne = HandshakeRefusal(
    status: 429, reason: "This connection has sent more than \(Int(HTTPLimits.rate.rate)) requests a second.",
    headers: [Header("Retry-After", "1")])

  static let tooManyBodies = HandshakeRefusal(
    status: 503, reason: "The node is receiving too many request bodies now.", headers: [Header("Retry-After", "1")])
}
