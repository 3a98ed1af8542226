import HTTPTypes
import Hummingbird
import HummingbirdCore
import Model
import NIOCore
import Protocol
import Server

/// Opens streams: everything that can be known without Redis is decided before the head of the answer is sent.
struct Streams: Sendable {
  enum Kind {
    case get(Request)
    /// With its body.
    case post(String)

    var isGet: Bool { if case .get = self { true } else { false } }
  }

  let visitors: Visitors
  let maxChannels: Int
  let judge: ChannelJudge
  let isDraining: @Sendable () -> Bool
  let server: @Sendable () -> WebSocketServer?
  /// Takes a connection from SwiftNIO; nil where its client has gone.
  let takeBack: @Sendable (any Channel) async -> HandedBack?

  /// Nil where a loop answers from here on.
  func open(
    _ kind: Kind, _ request: Request, _ channel: any Channel, _ origin: HTTPFields
  ) async throws(RouteError) -> Response? {
    do throws(RouteError) {
      return try await opened(kind, request, channel, origin)
    } catch {
      guard kind.isGet, [429, 503].contains(error.status), !(error.status == 503 && visitors.isBehindProxy(channel))
      else { throw error }
      return Self.laterResponse(error)
    }
  }

  private func opened(
    _ kind: Kind, _ request: Request, _ channel: any Channel, _ origin: HTTPFields
  ) async throws(RouteError) -> Response? {
    let query = try QueryMembers(request.uri.query)
    // First of all, so that nobody has bodies read who may not have them read.
    let identity = try await visitors.identity(of: request, query)
    let asked =
      switch kind {
      case .get(let request): try StreamRequest(request, query)
      case .post(let body): try StreamRequest(json: body, maxChannels: maxChannels)
      }
    let channels = try judge.judged(asked.channels, identity)
    let author = asked.session.map { StreamRequest.author(session: $0, user: identity?.user) }
    let head = Self.head(origin)
    try await handOver(request, channel) { connection, address in
      StreamOpening(
        connection, address: address, identity: identity, author: author, channels: channels,
        tellsPositions: kind.isGet, head: head)
    }
    return nil
  }

  /// Opens a stream for who has shown a key of the HTTP API.
  func openForOwner(
    _ asked: StreamOpening.Channel, _ request: Request, _ channel: any Channel
  ) async throws(RouteError) {
    let head = Self.head([:])
    try await handOver(request, channel) { connection, address in
      StreamOpening(
        connection, address: address, channels: [asked], isOwners: true, tellsPositions: false, head: head)
    }
  }

  /// Gives the connection of a request to a loop, which answers it. A client that has gone meanwhile needs no answer.
  private func handOver(
    _ request: Request, _ channel: any Channel, _ opening: (HandedBack, IPAddress?) -> StreamOpening
  ) async throws(RouteError) {
    guard let server = server(), !isDraining() else {
      throw RouteError(.unavailable, "This node is shutting down or starting; try another one.")
    }
    let address = visitors.address(request, channel)
    try Self.admit(server, address)
    if let connection = await takeBack(channel) {
      server.open(opening(connection, address))
    } else {
      server.release(address)
    }
  }

  private static func admit(_ server: WebSocketServer, _ address: IPAddress?) throws(RouteError) {
    do {
      try server.admitStream(from: address)
    } catch {
      switch error {
      case .full: throw RouteError(.unavailable, "The node is full; try another one.")
      case .tooMany: throw RouteError.tooMany("There are too many connections from this address.", retryAfter: 5)
      case .tooFast(let delay): throw RouteError.tooMany("This address connects too often.", retryAfter: delay)
      }
    }
  }

  // MARK: Heads

  /// How long a client waits until it comes back, in milliseconds: at random, so that many do not come together.
  private static var retry: String { EventStream.retry(after: .random(in: 1000...3000)) }

  private static let fields: HTTPFields = [
    .contentType: "text/event-stream", .cacheControl: "no-store, no-transform", .xAccelBuffering: "no",
  ]

  private static func head(_ origin: HTTPFields) -> [UInt8] {
    var head = "HTTP/1.1 200 OK\r\n"
    for field in Array(fields) + Array(origin) { head += "\(field.name.rawName): \(field.value)\r\n" }
    head += "Connection: close\r\n\r\n" + retry
    return Array(head.utf8)
  }

  /// The stream of one error. An `EventSource` never comes back after any other status.
  private static func laterResponse(_ error: RouteError) -> Response {
    var response = Response(status: .ok, headers: fields)
    let json =
      #"{"type":"error","code":\#(JSONText.quoted(error.code)),"error":\#(JSONText.quoted(error.message)),"temporary":true}"#
    response.body = ResponseBody(byteBuffer: ByteBuffer(string: "\(retry)data: \(json)\n\n"))
    response.headers[.connection] = "close"
    return response
  }
}

extension RouteError {
  fileprivate static func tooMany(_ message: String, retryAfter: Int) -> RouteError {
    var error = RouteError(.rateLimited, message)
    error.headers[.retryAfter] = String(retryAfter)
    return error
  }
}

extension HTTPField.Name {
  static let xAccelBuffering = HTTPField.Name("X-Accel-Buffering") ?? .cacheControl
}
