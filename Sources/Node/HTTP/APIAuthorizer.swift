import HTTPTypes
import Hummingbird
import HummingbirdCore
import Model
import NIOCore
import Server

/// Who may make requests to the HTTP API.
struct APIAuthorizer: Sendable {
  /// Nil in development, where the API asks for none: there it takes what pages of other origins cannot send.
  let keys: APIKeys?
  let origins: OriginPolicy
  let proxies: TrustedProxies
  let refusals: RefusalLog

  /// What a request is told that may not be made.
  func refusal(of request: Request, on channel: any Channel) -> Response? {
    keys.map { refusal(of: request, $0) } ?? refusalInDevelopment(of: request, isSecure: isSecure(request, channel))
  }

  private func refusal(of request: Request, _ keys: APIKeys) -> Response? {
    guard !keys.isEmpty else {
      return .error(.forbidden, "forbidden", "This node has no API key: start it with --api-key.")
    }
    switch keys.access(of: request.headers) {
    case .full: return nil
    case .read where request.method == .get || request.method == .head: return nil
    case .read: return .error(.forbidden, "forbidden", "This API key only reads.")
    case nil:
      var response = Response.error(.unauthorized, "unauthenticated", "Send an API key: Authorization: Bearer KEY.")
      response.headers[.wwwAuthenticate] = "Bearer"
      return response
    }
  }

  /// A page that the developer has open may send requests here, too. A form of a page of another origin cannot have the
  /// content type of JSON; what names neither origin nor site is a program.
  private func refusalInDevelopment(of request: Request, isSecure: Bool) -> Response? {
    let origin = request.headers[.origin]
    guard origins.permits(origin: origin, host: request.host, isSecure: isSecure) else {
      refusals.refused(origin: origin ?? "")
      return .error(.forbidden, "forbidden", OriginPolicy.refusal)
    }
    let reads = request.method == .get || request.method == .head
    let isProgram = origin == nil && !request.headers.contains { $0.name.canonicalName == "sec-fetch-site" }
    guard reads || isProgram || Self.isJSON(request.headers[.contentType]) else {
      return .error(.unsupportedMediaType, "unsupported_media_type", "Send Content-Type: application/json.")
    }
    return nil
  }

  private func isSecure(_ request: Request, _ channel: any Channel) -> Bool {
    let values = request.headers.filter { $0.name.canonicalName == "x-forwarded-proto" }.map(\.value)
    let forwarded = values.flatMap { $0.split(separator: ",") }.map { String($0.filter { $0 != " " && $0 != "\t" }) }
    return proxies.isSecure(peer: channel.remoteAddress?.ipAddress.flatMap(IPAddress.init), forwardedProto: forwarded)
  }

  private static func isJSON(_ contentType: String?) -> Bool {
    let type = contentType?.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
    return type?.lowercased() == "application/json"
  }
}
