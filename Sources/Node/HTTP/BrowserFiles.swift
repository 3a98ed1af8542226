import HTTPTypes
import HummingbirdCore
import NIOCore
import Pages

/// Answers browsers that want a page, or the client.
struct BrowserFiles: Sendable {
  let pages: Pages

  /// Whether a file is served at a path.
  func isThere(_ path: String) -> Bool { pages[path] != nil }

  func response(to request: Request) -> Response? {
    guard let entry = pages[request.uri.path] else { return nil }
    let file = entry.file
    var headers: HTTPFields = [
      .contentType: file.contentType, .cacheControl: "no-cache", .eTag: file.tag, .vary: "Accept-Encoding",
      .xContentTypeOptions: "nosniff",
    ]
    if entry.audience == .everybody { headers[.accessControlAllowOrigin] = "*" }
    if file.isPage {
      headers[.contentSecurityPolicy] = Self.policy(for: file, host: request.host)
      headers[.referrerPolicy] = "no-referrer"
    }
    let known = [file.tag, String(file.tag.dropFirst(2)), "*"]
    if request.headers.entries(of: "if-none-match").contains(where: known.contains) {
      return Response(status: .notModified, headers: headers)
    }
    let isCompressed = Self.takesGzip(request)
    if isCompressed { headers[.contentEncoding] = "gzip" }
    let bytes = isCompressed ? file.compressed : file.bytes
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// Only what stands in the page, and what the node serves, may run and be looked at.
  ///
  /// The addresses of the WebSocket stand there by themselves, since older Safari does not count them as `'self'`: where
  /// `Host` is a plain one, so that nobody puts in more.
  private static func policy(for file: ServedFile, host: String) -> String {
    let sockets = isPlain(host) ? " ws://\(host) wss://\(host)" : ""
    return [
      "default-src 'none'",
      "script-src " + ["'self'", file.scriptHash].compactMap(\.self).joined(separator: " "),
      "style-src " + ["'self'", file.styleHash].compactMap(\.self).joined(separator: " "),
      "img-src 'self' data:", "connect-src 'self'" + sockets, "base-uri 'none'", "form-action 'none'",
      "frame-ancestors 'none'",
    ].joined(separator: "; ")
  }

  private static func isPlain(_ host: String) -> Bool {
    !host.isEmpty
      && host.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: ".-:[]".utf8.contains(byte)
        }
      }
  }

  /// Whether the request accepts gzip; `gzip;q=0` refuses it (RFC 9110 section 12.5.3).
  private static func takesGzip(_ request: Request) -> Bool {
    AcceptedValue.all(of: request.headers[values: .acceptEncoding]).contains { $0.value == "gzip" && $0.quality > 0 }
  }
}

extension HTTPField.Name {
  fileprivate static let referrerPolicy = Self("Referrer-Policy") ?? .accept
}
