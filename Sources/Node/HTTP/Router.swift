import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import NIOHTTPTypes
import Server

/// Which answer belongs to which request.
struct Router: Sendable {
  /// Where the API is described.
  private static let description = "/openapi.json"

  /// The path of the WebSocket, which a connection that speaks HTTP already cannot serve.
  let webSocketPath: String
  /// That of the echo; nil without one.
  let echoPath: String?
  let hosts: HostPolicy
  let refusals: RefusalLog
  /// The HTTP connections there are; beyond its limit none stays for another request.
  let kept: ConnectionCounter
  let health: Health
  let metrics: MetricsPage
  let api: API
  let fallbacks: Fallbacks
  let files: BrowserFiles

  @Sendable
  func respond(to request: Request, with writer: consuming ResponseWriter, on channel: any Channel) async throws {
    let answer = await answer(request, on: channel) {
      try await channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue)))
    }
    // A loop answers.
    guard var response = answer else { return }
    // `HTTPConversation` ends the connection after an answer that says so.
    if kept.isOver { response.headers[.connection] = "close" }
    if request.method == .head { response = response.createHeadResponse() }
    try await writer.write(response: response.head, body: response.body)
  }

  /// `proceed` asks for the body of a client that waits to be asked.
  private func answer(
    _ request: Request, on channel: any Channel, proceed: @escaping @Sendable () async throws -> Void
  ) async -> Response? {
    let path = request.uri.path
    // Probes and scrapers name the node as they please.
    guard ServerConfiguration.healthPaths.contains(path) || hosts.permits(request.host) else {
      refusals.refused(host: request.host)
      return .error(.forbidden, "forbidden", HostPolicy.refusal)
    }
    // A pooled connection of a balancer: a retry on a fresh connection will do.
    if [webSocketPath, echoPath].contains(path) {
      var response = Response.error(.serviceUnavailable, "connection_in_use", "Open a new connection for a WebSocket.")
      response.headers[.connection] = "close"
      response.headers[.retryAfter] = "0"
      return response
    }
    if request.upgradesToWebSocket {
      var response = Response.error(.notFound, "not_found", "The WebSocket is at \(webSocketPath).")
      // What follows may be frames already.
      response.headers[.connection] = "close"
      return response
    }
    if Fallbacks.paths.contains(path) { return await fallbacks.response(to: request, on: channel, proceed: proceed) }
    if path.hasPrefix(API.prefix) { return await api.response(to: request, on: channel, proceed: proceed) }
    guard ServerConfiguration.healthPaths.contains(path) || path == Self.description || files.isThere(path) else {
      return .error(.notFound, "not_found", "There is nothing at this path.")
    }
    guard request.method == .get || request.method == .head else {
      var response = Response.error(.methodNotAllowed, "method_not_allowed", "This path takes GET and HEAD only.")
      response.headers[.allow] = "GET, HEAD"
      return response
    }
    switch path {
    case "/healthz": return .json(.ok, #"{"status":"ok"}"#)
    case "/readyz": return await health.readiness()
    case "/metrics": return await metrics.response(accept: request.headers[values: .accept])
    case Self.description: return .json(.ok, api.description)
    default: return files.response(to: request)
    }
  }
}

extension Request {
  /// What `Host` says; empty without one.
  var host: String { head.authority ?? "" }

  /// Whether a WebSocket is asked for. A proxy may have left `Connection` out.
  fileprivate var upgradesToWebSocket: Bool {
    headers[values: .upgrade].contains { value in
      value.lowercased().split(separator: ",").contains { $0.filter { $0 != " " && $0 != "\t" } == "websocket" }
    }
  }
}

extension Response {
  static func json(_ status: HTTPResponse.Status, _ text: String) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }

  static func error(_ status: HTTPResponse.Status, _ code: String, _ message: String) -> Response {
    json(status, #"{"code":\#(JSONText.quoted(code)),"error":\#(JSONText.quoted(message))}"#)
  }
}
