import HTTPTypes
import Hummingbird
import HummingbirdCore
import Server

/// Who may make requests to the HTTP API.
struct APIAccess: Sendable {
  /// Nil in development, where the API asks for none: there it takes what pages of other hosts cannot send.
  let keys: APIKeys?

  /// What a request is told that may not be made.
  func refusal(of request: Request) -> Response? {
    keys.map { refusal(of: request, $0) } ?? refusalInDevelopment(of: request)
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

  /// A page that the developer has open may send requests here, too: of another origin, or by a name of its own that leads
  /// to this machine. A form of such a page cannot have the content type of JSON.
  private func refusalInDevelopment(of request: Request) -> Response? {
    let host = request.head.authority ?? ""
    guard Self.isLocal(host) else {
      return .error(.forbidden, "forbidden", "In development the API is for this machine: the Host must be localhost.")
    }
    guard OriginPolicy().permits(origin: request.headers[.origin], host: host) else {
      return .error(.forbidden, "forbidden", "In development the API is not for pages of other origins.")
    }
    let reads = request.method == .get || request.method == .head
    guard reads || Self.isJSON(request.headers[.contentType]) else {
      return .error(.unsupportedMediaType, "unsupported_media_type", "Send Content-Type: application/json.")
    }
    return nil
  }

  /// Whether a host, with its port or without, is this machine by a name that nobody else can give to it.
  static func isLocal(_ host: String) -> Bool {
    var name = host[...]
    if let colon = host.lastIndex(of: ":"), host.last != "]" {
      name = host[..<colon]
      let port = host[host.index(after: colon)...]
      guard port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return false }
    }
    if ["localhost", "[::1]"].contains(name.lowercased()) { return true }
    let numbers = name.split(separator: ".", omittingEmptySubsequences: false).map { text in
      text.first?.isNumber == true ? UInt8(text) : nil
    }
    return numbers.count == 4 && numbers[0] == 127 && !numbers.contains(nil)
  }

  private static func isJSON(_ contentType: String?) -> Bool {
    let type = contentType?.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }
    return type?.lowercased() == "application/json"
  }
}
