import Cluster
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Model
import NIOCore
import Protocol

/// What can be asked of a node by HTTP, below `/api/`.
struct API: Sendable {
  static let prefix = "/api/"
  /// The longest body of a request, in bytes.
  static let maxBodySize = 8 << 20

  /// The longest `data` of a message, in bytes.
  let maxMessageSize: Int
  /// Asks the cluster.
  let ask: @Sendable (Question) async -> Result<Answer, Refusal>

  /// The answer to a request that may be made; nil where there is nothing at its path.
  ///
  /// `rights` are those of the request's key. `proceed` asks for the body of a client that waits to be asked.
  func response(
    to request: Request, _ rights: APIKeys.Rights, proceed: () async throws -> Void
  ) async -> Response? {
    let segments = Array(request.uri.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst(2))
    if segments == ["access"] {
      return await only(.get, request) { .json(.ok, #"{"access":"\#(rights.rawValue)"}"#) }
    }
    if segments == ["notifications"] {
      return await only(.post, request) { await notify(.everybody, of: request, proceed) { _ in "{}" } }
    }
    if segments.count == 3, segments[0] == "users", segments[2] == "messages" {
      return await only(.post, request) {
        guard let user = PathSegment.decode(segments[1]).flatMap(UserName.init) else {
          let rule = "A user name is 1 to \(UserName.maxLength) bytes of UTF-8 without control characters."
          return .error(.badRequest, ErrorCode.badRequest.rawValue, rule)
        }
        return await notify(.user(user), of: request, proceed) { #"{"online":\#($0)}"# }
      }
    }
    return nil
  }

  /// Answers requests of that method; where it is GET, of HEAD too.
  private func only(
    _ method: HTTPRequest.Method, _ request: Request, _ respond: () async -> Response
  ) async -> Response {
    if request.method == method || method == .get && request.method == .head { return await respond() }
    let methods = method == .get ? ["GET", "HEAD"] : [method.rawValue]
    let sentence = "This path takes \(methods.joined(separator: " and ")) only."
    var response = Response.error(.methodNotAllowed, "method_not_allowed", sentence)
    response.headers[.allow] = methods.joined(separator: ", ")
    return response
  }

  // MARK: Notifications

  private func notify(
    _ addressee: Addressee, of request: Request, _ proceed: () async throws -> Void,
    _ answer: (_ online: Bool) -> String
  ) async -> Response {
    let event: DirectEvent
    switch await body(of: request, proceed) {
    case .failure(let failure): return failure.response
    case .success(let body):
      switch notification(body) {
      case .failure(let refusal): return Self.response(to: refusal)
      case .success(let data): event = .notification(data: data)
      }
    }
    switch await ask(.send(event, to: addressee)) {
    case .success(.sent(let isOnline)): return .json(.ok, answer(isOnline))
    case .success: return Self.response(to: Refusal(.internal, "The cluster gave an unexpected answer."))
    case .failure(let refusal): return Self.response(to: refusal)
    }
  }

  private func notification(_ body: ByteBuffer) -> Result<[UInt8], Refusal> {
    body.withUnsafeReadableBytes { bytes in
      MessageBody.data(of: bytes).flatMap { data in
        guard data.count <= maxMessageSize else {
          return .failure(Refusal(.tooLarge, "The member data must not be longer than \(maxMessageSize) bytes."))
        }
        return .success(Array(bytes[data]))
      }
    }
  }

  // MARK: Bodies and errors

  private struct BodyFailure: Error {
    let response: Response
  }

  private func body(
    of request: Request, _ proceed: () async throws -> Void
  ) async -> Result<ByteBuffer, BodyFailure> {
    do {
      if request.headers[.expect] != nil { try await proceed() }
      return .success(try await request.body.collect(upTo: Self.maxBodySize))
    } catch {
      // `HTTPConversation` has answered already.
      let broken = Response.error(.badRequest, ErrorCode.badRequest.rawValue, "The body is incomplete.")
      return .failure(BodyFailure(response: broken))
    }
  }

  private static func response(to refusal: Refusal) -> Response {
    var response = Response.error(status(of: refusal.code), refusal.code.rawValue, refusal.message)
    if refusal.code == .unavailable { response.headers[.retryAfter] = "1" }
    return response
  }

  private static func status(of code: ErrorCode) -> HTTPResponse.Status {
    switch code {
    case .badRequest, .invalidChannel: .badRequest
    case .tooLarge: .contentTooLarge
    case .unavailable: .serviceUnavailable
    case .timeout: .gatewayTimeout
    case .forbidden: .forbidden
    case .unauthenticated, .invalidToken, .expiredToken: .unauthorized
    case .rateLimited: .tooManyRequests
    case .unknownType, .unknownMethod: .notFound
    case .tooManyChannels: .conflict
    case .internal: .internalServerError
    }
  }
}
