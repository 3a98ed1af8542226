/// What a request line asks for: RFC 9112 section 3.2, in origin form (`/ws?a=b`) or absolute form (`http://host/ws`).
struct RequestTarget: Equatable {
  /// The host, and port, of an absolute form.
  var authority: String?
  /// Beginning with `/`, its escapes decoded (once), since `/%77s` is the same path as `/ws`.
  var path: String
  /// What follows the `?`, as sent.
  var query: String
  /// The path and the query as sent, beginning with `/`.
  var raw: String

  private static let schemes: [StaticString] = ["http://", "https://", "ws://", "wss://"]

  /// Nil for every other form, a fragment, characters no target contains, and a path with a broken escape.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.allSatisfy(Self.mayContain) else { return nil }
    var location = bytes
    query = ""
    if let mark = bytes.firstIndex(of: UInt8(ascii: "?")) {
      location = bytes.slice(..<mark)
      query = bytes.slice((mark + 1)...).string
    }
    if location.first == UInt8(ascii: "/") {
      guard let decoded = location.percentDecoded else { return nil }
      path = decoded
      raw = bytes.string
      return
    }
    guard let scheme = Self.schemes.first(where: location.startsIgnoringCase) else { return nil }
    let rest = location.slice(scheme.utf8CodeUnitCount...)
    let slash = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.count
    authority = rest.slice(..<slash).string
    guard let decoded = rest.slice(slash...).percentDecoded else { return nil }
    path = decoded.isEmpty ? "/" : decoded
    let beginning = scheme.utf8CodeUnitCount + slash
    raw = (decoded.isEmpty ? "/" : "") + bytes.slice(beginning...).string
  }

  /// Visible ASCII but `#`. Stricter than that browsers are not: they send `|` or `{` in a query as they are.
  static func mayContain(_ byte: UInt8) -> Bool {
    (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "#")
  }
}
