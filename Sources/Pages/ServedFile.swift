import Crypto
import Foundation

/// A file that is built into the node, ready to be served.
package struct ServedFile: Sendable {
  /// Its name, such as `apus.js`.
  package let name: String
  package let bytes: [UInt8]
  /// The same by gzip (RFC 1952).
  package let compressed: [UInt8]
  /// An entity tag; a weak one, since it is that of both encodings (RFC 9110 section 8.8.3.3).
  package let tag: String
  /// Sources of the Content-Security-Policy for what stands in a page: `'sha256-…'`; nil where there is none.
  package let scriptHash: String?
  package let styleHash: String?
  package let isPage: Bool

  package init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
    compressed = Gzip.compress(bytes)
    tag = "W/\"" + Data(SHA256.hash(data: bytes).prefix(12)).base64EncodedString() + "\""
    let text = String(decoding: bytes, as: UTF8.self)
    isPage = name.hasSuffix(".html")
    scriptHash = isPage ? Self.hash(of: #"<script type="module">"#, "</script>", in: text) : nil
    styleHash = isPage ? Self.hash(of: "<style>", "</style>", in: text) : nil
  }

  package var contentType: String {
    let types = [
      "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
      "ts": "text/plain; charset=utf-8",
    ]
    return types[name.split(separator: ".").last.map(String.init) ?? ""] ?? "application/octet-stream"
  }

  /// The hash of what stands between the first `start` and the next `end` (CSP level 3, section 2.3.1).
  private static func hash(of start: String, _ end: String, in text: String) -> String? {
    guard let opening = text.range(of: start), let closing = text[opening.upperBound...].range(of: end) else {
      return nil
    }
    let content = text[opening.upperBound..<closing.lowerBound]
    return "'sha256-" + Data(SHA256.hash(data: Data(content.utf8))).base64EncodedString() + "'"
  }
}
