/// One entry of `Accept` or `Accept-Encoding` (RFC 9110 section 12.5).
struct AcceptedValue {
  /// In lower case.
  let value: String
  private(set) var version: String?
  /// 0 to 1, and 0 where it is no number.
  private(set) var quality = 1.0

  /// The entries of a header, which may have several lines.
  static func all(of lines: [String]) -> [AcceptedValue] {
    lines.flatMap { $0.split(separator: ",") }.map(AcceptedValue.init)
  }

  private init(_ text: Substring) {
    let parts = text.filter { !" \t\"".contains($0) }.lowercased().split(separator: ";")
    value = parts.first.map(String.init) ?? ""
    for part in parts.dropFirst() {
      if part.hasPrefix("version=") { version = String(part.dropFirst("version=".count)) }
      if part.hasPrefix("q=") { quality = Double(part.dropFirst("q=".count)) ?? 0 }
    }
  }
}
