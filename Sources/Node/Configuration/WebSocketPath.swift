import Server

/// Which paths `--ws-path` may be.
enum WebSocketPath {
  /// Paths that are taken, or will be, with all that is below them.
  private static let trees = ["/api", "/app", "/apps", "/console"]
  /// The same for a path alone.
  private static let paths = [
    "/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/events", "/poll", "/commands", "/chat", "/dashboard",
    "/editor", "/match", "/notifications", "/demo.css", "/demo.js", "/apus.js", "/apus.d.ts", "/apus-extras.js",
    "/apus-extras.d.ts",
  ]

  /// What is wrong with a path as the WebSocket's; nil where there could be one.
  static func complaint(of path: String) -> String? {
    guard path.hasPrefix("/") else { return "it must begin with '/'" }
    if path.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F || "?#\\".utf8.contains($0) }) {
      return "it must not contain a space, '?', '#' or '\\'"
    }
    // It is compared with what a request asks for once that is decoded.
    if path.contains("%") { return "write it without % escapes" }
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    if segments.contains(where: { $0 == "." || $0 == ".." }) { return "no client asks for '.' or '..'" }
    let bare = path.last == "/" ? String(path.dropLast()) : path
    if bare == ServerConfiguration.echoPath { return "\(bare) is reserved for --echo" }
    if let tree = trees.first(where: { bare == $0 || path.hasPrefix($0 + "/") }) { return "\(tree) is reserved" }
    return paths.contains(bare.isEmpty ? "/" : bare) ? "\(bare.isEmpty ? "/" : bare) is reserved" : nil
  }
}
