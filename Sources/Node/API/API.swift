import HTTPTypes
import Hummingbird
import HummingbirdCore
import Locks
import Logging
import Model
import NIOCore

/// Answers the requests below `/api/`: by the table of routes, which Hummingbird's router has, and which makes
/// `/openapi.json`.
///
/// The check of the key is middleware of the routes' group: what the router finds has been checked, however its path is
/// written.
struct API: Sendable {
  static let prefix = "/api/"
  /// The longest body of a request, in bytes.
  static let maxBodySize = 8 << 20

  /// What `/openapi.json` shows.
  let description: String
  private let table: RouteTable
  private let responder: RouterResponder<APIContext>
  private let authorizer: APIAuthorizer
  private let metrics: APIMetrics
  private let logger: Logger

  init(
    _ cluster: ClusterAccess, _ streams: Streams, _ authorizer: APIAuthorizer, metrics: APIMetrics, version: String,
    logger: Logger
  ) {
    let table = RouteTable(cluster, streams)
    let router = Hummingbird.Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
    let group = router.group().add(middleware: KeyCheck(authorizer: authorizer))
    for route in table.routes {
      group.on(RouterPath(route.path), method: route.method) { request, context in
        await Self.response(to: request, context, by: route)
      }
    }
    self.table = table
    self.authorizer = authorizer
    self.metrics = metrics
    self.logger = logger
    responder = router.buildResponder()
    description = OpenAPI.document(of: table, version: version)
  }

  /// The answer to a request whose path begins with `prefix`; nil where a loop gives it. `proceed` asks for the body of a client that waits to be
  /// asked.
  func response(
    to request: Request, on channel: any Channel, proceed: @escaping @Sendable () async throws -> Void
  ) async -> Response? {
    let began = ContinuousClock.now
    let segments = request.uri.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    // The router takes `/api//access` for `/api/access`; proxies that keep a path closed do not.
    let routes = segments.contains("") ? [] : table.routes(of: Array(segments))
    let route = routes.first { $0.takes(request.method) }
    let response: Response
    let source = APIContext.Source(logger: logger, channel: channel, proceed: proceed)
    if route != nil {
      response = await self.response(to: request, source)
    } else {
      response = refusal(of: request, on: channel, routes)
    }
    metrics.record(
      route: route?.name ?? APIMetrics.noRoute, status: response.status.code,
      seconds: (ContinuousClock.now - began) / .seconds(1))
    return source.isHandedOver.withLock(\.self) ? nil : response
  }

  private func response(to request: Request, _ source: APIContext.Source) async -> Response {
    do {
      return try await responder.respond(to: request, context: APIContext(source: source))
    } catch {
      return .error(RouteError(.internal, "The request could not be answered."))
    }
  }

  /// The answer to a request that no route takes. Without a key it tells nothing of what there is.
  private func refusal(of request: Request, on channel: any Channel, _ routes: [Route]) -> Response {
    if case .failure(let denial) = authorizer.rights(of: request, on: channel) { return denial.response }
    return .error(routes.isEmpty ? .notFound : Self.refusal(ofMethod: routes))
  }

  private static func refusal(ofMethod routes: [Route]) -> RouteError {
    let methods = routes.flatMap { $0.takes(.head) ? ["GET", "HEAD"] : [$0.method.rawValue] }.joined(separator: ", ")
    return RouteError(
      status: 405, code: "method_not_allowed", "This path takes \(methods) only.", headers: [.allow: methods])
  }

  private static func response(to request: Request, _ context: APIContext, by route: Route) async -> Response {
    do throws(RouteError) {
      let checked = try await checked(request, context, by: route)
      switch route.answerer {
      case .json(let respond): return .json(.ok, try await respond(checked))
      case .stream(let open):
        try await open(checked, request, context.channel)
        context.isHandedOver.withLock { $0 = true }
        return Response(status: .ok)
      }
    } catch {
      return .error(error)
    }
  }

  /// The request as the route takes it.
  private static func checked(
    _ request: Request, _ context: APIContext, by route: Route
  ) async throws(RouteError) -> RouteRequest {
    var path: [String: String] = [:]
    for (name, segment) in context.parameters {
      guard let text = PathSegment.decode(segment) else {
        throw RouteError(.badRequest, "The path is not percent-encoded UTF-8.")
      }
      path[String(name)] = text
    }
    let query = try RouteRequest.query(request.uri.query, of: route)
    guard let schema = route.body else {
      return RouteRequest(rights: context.rights, path: path, query: query, body: nil)
    }
    let bytes = try await body(of: request, context)
    return RouteRequest(
      rights: context.rights, path: path, query: query,
      body: try RouteRequest.body(bytes.isEmpty && route.isBodyOptional ? Array("{}".utf8) : bytes, of: schema))
  }

  private static func body(of request: Request, _ context: APIContext) async throws(RouteError) -> [UInt8] {
    do {
      if request.headers[.expect] != nil { try await context.proceed() }
      return Array(buffer: try await request.body.collect(upTo: maxBodySize))
    } catch {
      // `HTTPConversation` has answered already.
      throw RouteError(.badRequest, "The body is incomplete.")
    }
  }
}

/// What goes with a request of the API on its way through the router.
struct APIContext: RequestContext {
  struct Source: RequestContextSource {
    let logger: Logger
    let channel: any Channel
    let proceed: @Sendable () async throws -> Void
    let isHandedOver = Lock(false)
  }

  var coreContext: CoreRequestContextStorage
  /// The connection it came on.
  let channel: any Channel
  /// Asks for the body of a client that waits to be asked.
  let proceed: @Sendable () async throws -> Void
  /// Whether a loop answers the request.
  let isHandedOver: Lock<Bool>
  /// What the request's key may do; nothing until it has been checked.
  var rights = APIKeys.Rights.read

  init(source: Source) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
    proceed = source.proceed
    isHandedOver = source.isHandedOver
  }
}

/// Lets a request pass that its key allows.
private struct KeyCheck: RouterMiddleware {
  let authorizer: APIAuthorizer

  func handle(
    _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
  ) async throws -> Response {
    switch authorizer.rights(of: request, on: context.channel) {
    case .failure(let denial): return denial.response
    case .success(let rights):
      var context = context
      context.rights = rights
      return try await next(request, context)
    }
  }
}

extension Response {
  static func error(_ error: RouteError) -> Response {
    let channel = error.channel.map { #","channel":\#(JSONText.quoted($0))"# } ?? ""
    var response = Response.json(
      HTTPResponse.Status(code: error.status),
      #"{"code":\#(JSONText.quoted(error.code)),"error":\#(JSONText.quoted(error.message))\#(channel)}"#)
    for field in error.headers { response.headers.append(field) }
    return response
  }
}
