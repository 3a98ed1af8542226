import HTTPTypes
import Hummingbird
import HummingbirdCore
import JSON
import Model
import NIOCore
import Server

/// Commands by HTTP: each request is done like a few messages of a WebSocket, on any node.
struct Commands: Sendable {
  static let path = "/commands"

  let visitors: Visitors
  let server: @Sendable () -> WebSocketServer?

  /// The answers to a request, a JSON array.
  func response(
    to request: Request, _ body: Fallbacks.Body, _ channel: any Channel
  ) async throws(RouteError) -> Response {
    let query = try QueryMembers(request.uri.query)
    let identity = try await visitors.identity(of: request, query)
    let (content, session) = try Self.content(of: body, request)
    guard let server = server() else { throw RouteError(.unavailable, "The node is not ready yet; nothing was done.") }
    let batch = CommandBatch(
      content, address: visitors.address(request, channel), identity: identity,
      author: session.map { StreamRequest.author(session: $0, user: identity?.user) })
    guard let answers = await server.run(batch) else {
      throw RouteError(.unavailable, "The node cannot take any more now, or is shutting down; nothing was done.")
    }
    return .json(.ok, "[" + answers.joined(separator: ",") + "]")
  }

  private static func content(
    of body: Fallbacks.Body, _ request: Request
  ) throws(RouteError) -> (CommandBatch.Content, session: String?) {
    switch body {
    case .binary(let bytes):
      let session = request.headers.first { $0.name.canonicalName == "apus-session" }?.value
      return (.binary(bytes), try session.map { (text) throws(RouteError) in try StreamRequest.session(text) })
    case .json(let text):
      let object = try StreamRequest.body(text)
      let count = object.elementCount("commands") ?? 0
      guard (1...CommandBatch.maxCommands).contains(count), let commands = object.objects("commands"),
        commands.count == count
      else {
        throw RouteError(
          .badRequest, "The member commands must be an array of 1 to \(CommandBatch.maxCommands) objects.")
      }
      return (.commands(commands.map(\.text)), try StreamRequest.session(of: object))
    }
  }
}
