import HTTPTypes
import Hummingbird
import HummingbirdCore
import Model
import NIOCore
import Server

/// What clients have that get no WebSocket: streams of Server-Sent Events, polls, and commands.
///
/// A request is read and judged here. Then the connection of a stream is taken back from SwiftNIO and goes to a loop, where
/// it is a connection of the hub.
struct Fallbacks: Sendable {
  static let paths: Set = ["/events", Polls.path, Commands.path]
  /// The longest body of a request, in bytes.
  static let maxBodySize = 256 << 10

  let visitors: Visitors
  let streams: Streams
  let polls: Polls
  let commands: Commands

  enum Body {
    case json(String)
    case binary([UInt8])
  }

  /// The answer to a request; nil where a loop gives it.
  func response(
    to request: Request, on channel: any Channel, proceed: @escaping @Sendable () async throws -> Void
  ) async -> Response? {
    let origin: HTTPFields
    do throws(RouteError) {
      origin = try visitors.judgePage(request, channel)
    } catch {
      var response = Response.error(error)
      response.headers[.vary] = "Origin"
      return response
    }
    if request.method == .options { return Self.preflight(origin) }
    var response: Response
    do throws(RouteError) {
      guard let answer = try await answer(request, channel, origin, proceed) else { return nil }
      response = answer
    } catch {
      response = .error(error)
    }
    for field in origin { response.headers[field.name] = field.value }
    return response
  }

  private func answer(
    _ request: Request, _ channel: any Channel, _ origin: HTTPFields,
    _ proceed: @escaping @Sendable () async throws -> Void
  ) async throws(RouteError) -> Response? {
    switch (request.uri.path, request.method) {
    case (Commands.path, .post):
      return try await commands.response(to: request, try await Self.body(of: request, proceed), channel)
    case (Commands.path, _): throw Self.refusal(ofMethods: "POST")
    case (Polls.path, .get): return try await polls.response(to: request, .get(request), channel)
    case (Polls.path, .post):
      guard case .json(let body) = try await Self.body(of: request, proceed) else { throw Self.notJSON }
      return try await polls.response(to: request, .post(body), channel)
    case (_, .get): return try await streams.open(.get(request), request, channel, origin)
    case (_, .post):
      guard case .json(let body) = try await Self.body(of: request, proceed) else { throw Self.notJSON }
      return try await streams.open(.post(body), request, channel, origin)
    default: throw Self.refusal(ofMethods: "GET, POST")
    }
  }

  private static func refusal(ofMethods methods: String) -> RouteError {
    RouteError(
      status: 405, code: "method_not_allowed", "This path takes \(methods) only.",
      headers: [.allow: methods + ", OPTIONS"])
  }

  private static let notJSON = RouteError(
    status: 415, code: "unsupported_media_type", "Send Content-Type: application/json.")

  /// What a browser asks before a page of another origin may send its request.
  private static func preflight(_ origin: HTTPFields) -> Response {
    var response = Response(status: .noContent, headers: origin)
    response.headers[.accessControlAllowMethods] = "GET, POST"
    response.headers[.accessControlAllowHeaders] = "Authorization, Content-Type, Last-Event-ID, Apus-Session"
    response.headers[.accessControlMaxAge] = "600"
    return response
  }

  private static func body(
    of request: Request, _ proceed: @Sendable () async throws -> Void
  ) async throws(RouteError) -> Body {
    let type = request.headers[.contentType]?.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
    let isBinary = type == "application/octet-stream"
    guard isBinary || type == "application/json" else { throw notJSON }
    let bytes: ByteBuffer
    do {
      if request.headers[.expect] != nil { try await proceed() }
      bytes = try await request.body.collect(upTo: maxBodySize)
    } catch is NIOTooManyBytesError {
      throw RouteError(.tooLarge, "The body must not be longer than \(maxBodySize) bytes.")
    } catch {
      // `HTTPConversation` has answered already.
      throw RouteError(.badRequest, "The body is incomplete.")
    }
    if isBinary { return .binary(Array(buffer: bytes)) }
    guard let text = String(validating: Array(buffer: bytes), as: UTF8.self) else {
      throw RouteError(.badRequest, "The body must be UTF-8.")
    }
    return .json(text)
  }
}
