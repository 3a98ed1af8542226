import HTTPTypes
import Hummingbird
import HummingbirdCore
import Model
import NIOCore
import Server

/// Who sends a request that takes the place of a WebSocket, and whether their page may.
struct Visitors: Sendable {
  let origins: OriginPolicy
  let proxies: TrustedProxies
  let refusals: RefusalLog
  /// Whether a client must say who it is.
  let requiresIdentity: Bool
  /// Whether `user=` names the user: only where nobody is to be kept out (`--dev`).
  let trustsUserParameter: Bool
  let server: @Sendable () -> WebSocketServer?

  // MARK: The page

  /// The fields by which a page of another origin may read the answer; throws where it may not send the request.
  ///
  /// Without an origin it is a program, or a page whose request cannot be told from one's own by it: an image of somebody
  /// else's page must not enter a room.
  func judgePage(_ request: Request, _ channel: any Channel) throws(RouteError) -> HTTPFields {
    guard let origin = request.headers[.origin] else {
      let site = request.headers.first { $0.name.canonicalName == "sec-fetch-site" }?.value
      guard site == nil || site == "same-origin" || site == "none" else {
        throw RouteError(.forbidden, "A page of another site must send this request by a script.")
      }
      return [.vary: "Origin"]
    }
    guard origins.permits(origin: origin, host: request.host, isSecure: proxies.isSecure(request, on: channel)) else {
      refusals.refused(origin: origin)
      throw RouteError(.forbidden, OriginPolicy.refusal)
    }
    return [
      .accessControlAllowOrigin: origin, .accessControlExposeHeaders: "Retry-After, Allow", .vary: "Origin",
    ]
  }

  // MARK: The client

  /// Where the client is.
  func address(_ request: Request, _ channel: any Channel) -> IPAddress? {
    proxies.client(of: request.headers, on: channel)
  }

  /// Whether another node can be asked by who has sent this.
  func isBehindProxy(_ channel: any Channel) -> Bool { proxies.isTrusted(channel.peerAddress) }

  /// Who the client says it is, by a token or where that is believed by a name; nil for an anonymous one.
  func identity(of request: Request, _ query: QueryMembers) async throws(RouteError) -> Identity? {
    if let token = try Self.token(of: request, query), let verified = await server()?.verify(token) {
      switch verified {
      case .success(let identity): return identity
      case .failure(let refusal): throw RouteError(refusal)
      }
    }
    if trustsUserParameter, let name = try query.first("user"), !name.isEmpty {
      guard let user = UserName(name) else {
        throw RouteError(
          .badRequest, "The user name is longer than \(UserName.maxLength) bytes or has a control character.")
      }
      return Identity(user: user)
    }
    guard !requiresIdentity else {
      throw RouteError(.unauthenticated, "Send a token: Authorization: Bearer TOKEN, or ?token=TOKEN.")
    }
    return nil
  }

  private static func token(of request: Request, _ query: QueryMembers) throws(RouteError) -> String? {
    if let header = request.headers[.authorization] {
      let words = header.split(separator: " ", maxSplits: 1)
      guard words.count == 2, words[0].lowercased() == "bearer" else {
        throw RouteError(.unauthenticated, "The header Authorization must be: Bearer TOKEN.")
      }
      return words[1].trimmingPrefix { $0 == " " }.description
    }
    return try query.first("token")
  }
}

/// The members of a query in their order; a name may stand more than once.
struct QueryMembers: Sendable {
  private let members: [(name: String, value: String)]

  /// Throws where it is not percent-encoded UTF-8.
  init(_ text: String?) throws(RouteError) {
    guard let members = QueryPart.members(of: text) else { throw .malformedQuery }
    self.members = members
  }

  func all(_ name: String) -> [String] { members.filter { $0.name == name }.map(\.value) }

  /// The value of a member that stands once; throws where it stands more often, since readers differ on which one counts.
  func first(_ name: String) throws(RouteError) -> String? {
    let values = all(name)
    guard values.count <= 1 else { throw RouteError(.badRequest, "The query member \(name) must not occur twice.") }
    return values.first
  }
}
