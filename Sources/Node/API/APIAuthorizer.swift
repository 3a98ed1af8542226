import HTTPTypes
import Hummingbird
import HummingbirdCore
import Model
import NIOCore
import Server

/// Who may make requests to the HTTP API.
struct APIAuthorizer: Sendable {
  let keys: APIKeys
  /// In development the API asks for no key, and takes what pages of other origins cannot send.
  let isDevelopment: Bool
  let origins: OriginPolicy
  let proxies: TrustedProxies
  let refusals: RefusalLog

  /// What a request is told that may not be made.
  struct Denial: Error {
    let response: Response
  }

  /// What who makes a request may do, where that request is among it.
  func rights(of request: Request, on channel: any Channel) -> Result<APIKeys.Rights, Denial> {
    // One that is shown is judged where there are any.
    guard isDevelopment, keys.isEmpty || request.headers[.authorization] == nil else { return rights(of: request) }
    let refusal = refusalInDevelopment(of: request, isSecure: proxies.isSecure(request, on: channel))
    return refusal.map { .failure(Denial(response: $0)) } ?? .success(.full)
  }

  private func rights(of request: Request) -> Result<APIKeys.Rights, Denial> {
    guard !keys.isEmpty else {
      return .failure(
        Denial(response: .error(.forbidden, "forbidden", "This node has no API key: start it with --api-key.")))
    }
    guard let rights = keys.rights(of: request.headers) else {
      let sentence =
        request.headers[.authorization] == nil
        ? "Send an API key: Authorization: Bearer KEY." : "This node does not know that API key."
      var response = Response.error(.unauthorized, "unauthenticated", sentence)
      response.headers[.wwwAuthenticate] = "Bearer"
      return .failure(Denial(response: response))
    }
    guard rights == .full || request.method == .get || request.method == .head else {
      return .failure(Denial(response: .error(.forbidden, "forbidden", "This API key can only read.")))
    }
    return .success(rights)
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

  private static func isJSON(_ contentType: String?) -> Bool {
    let type = contentType?.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
    return type?.lowercased() == "application/json"
  }
}
