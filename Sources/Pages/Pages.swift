import CPages

/// The files that a node serves to browsers, by path.
package struct Pages: Sendable {
  /// Who may have a file.
  package enum Audience: Sendable {
    /// Everybody, also scripts of other origins: the client.
    case everybody
    /// People who try the node out.
    case development
    /// Whoever runs the node.
    case operators
  }

  package struct Entry: Sendable {
    package let file: ServedFile
    package let audience: Audience
  }

  private static let paths: [(path: String, name: String, audience: Audience)] = [
    ("/apus.js", "apus.js", .everybody),
    ("/apus.d.ts", "apus.d.ts", .everybody),
    ("/apus-extras.js", "apus-extras.js", .everybody),
    ("/apus-extras.d.ts", "apus-extras.d.ts", .everybody),
    ("/", "start.html", .development),
    ("/chat", "chat.html", .development),
    ("/dashboard", "dashboard.html", .development),
    ("/editor", "editor.html", .development),
    ("/match", "match.html", .development),
    ("/notifications", "notifications.html", .development),
    ("/demo.css", "demo.css", .development),
    ("/demo.js", "demo.js", .development),
    ("/console", "console.html", .operators),
  ]

  private let entries: [String: Entry]

  /// Those for these audiences.
  package init(for audiences: Set<Audience>) {
    let files = Self.builtIn()
    entries = Self.paths.reduce(into: [:]) { entries, path in
      guard audiences.contains(path.audience), let bytes = files[path.name] else { return }
      entries[path.path] = Entry(file: ServedFile(name: path.name, bytes: bytes), audience: path.audience)
    }
  }

  /// The file at a path.
  package subscript(path: String) -> Entry? { entries[path] }

  private static func builtIn() -> [String: [UInt8]] {
    (0..<cpages_count()).reduce(into: [:]) { files, index in
      let file = cpages_get(index)
      files[String(cString: file.name)] = Array(UnsafeBufferPointer(start: file.start, count: file.end - file.start))
    }
  }
}
