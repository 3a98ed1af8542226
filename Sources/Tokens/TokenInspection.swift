import FoundationEssentials
import JSON

/// A token taken apart for people; whether its signature holds is not looked at.
package struct TokenInspection: Sendable {
  private struct Member: Sendable {
    let name: String
    let kind: JSONKind
    /// As it stands in the token.
    let json: String
    /// The text of a string.
    let text: String?
  }

  private let header: String
  private let claims: [Member]

  /// The last second that is shown as a date: the year 9999.
  private static let lastDate: Int64 = 253_402_300_799

  /// Throws a sentence that says which part is no part of a token.
  package init(_ token: String) throws(TokenError) {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3 else {
      throw TokenError("A token has three parts separated by dots, but this one has \(parts.count).")
    }
    header = try Self.json(parts[0], "header")
    guard Self.members(of: header) != nil else { throw TokenError("The token header is not a JSON object.") }
    guard let claims = Self.members(of: try Self.json(parts[1], "payload")) else {
      throw TokenError("The token payload is not a JSON object.")
    }
    self.claims = claims
    guard Self.decode(parts[2]) != nil else { throw TokenError("The token signature is not base64url.") }
  }

  /// Lines for people, at that moment in seconds since 1970.
  package func lines(at now: Int64) -> [String] {
    var lines = [Self.line("header", header)]
    var seen: Set<String> = []
    for claim in claims {
      if claim.name == "channels", let channels = Self.members(of: claim.json) {
        if channels.isEmpty { lines.append(Self.line("channels", "none: the token grants nothing in any channel")) }
        for channel in channels { lines.append(Self.line("channel", "\(channel.name)  \(Self.names(channel.json))")) }
      } else {
        lines.append(Self.line(claim.name, Self.explain(claim, at: now)))
      }
      if !seen.insert(claim.name).inserted { lines.append(Self.line("", "\(claim.name) occurs twice")) }
    }
    return lines
  }

  // MARK: Words

  private static func line(_ name: String, _ text: String) -> String {
    name.printable.padding(to: 9) + " " + text.printable
  }

  private static func explain(_ claim: Member, at now: Int64) -> String {
    guard ["exp", "nbf", "iat"].contains(claim.name), claim.kind == .number, let time = Int64(claim.json) else {
      return claim.text ?? claim.json
    }
    let (past, future) =
      switch claim.name {
      case "exp": ("expired", "expires")
      case "nbf": ("valid since", "not valid before")
      default: ("issued", "issued")
      }
    let date = (0...lastDate).contains(time) ? ", " + Date(timeIntervalSince1970: Double(time)).formatted(.iso8601) : ""
    return "\(time)\(date): " + (time <= now ? "\(past) \(ago(now, time))" : "\(future) \(ahead(time, now))")
  }

  private static func ago(_ now: Int64, _ time: Int64) -> String {
    now == time ? "now" : span(now, time) + " ago"
  }

  private static func ahead(_ time: Int64, _ now: Int64) -> String {
    "in " + span(time, now)
  }

  /// The time between two moments in its largest unit.
  private static func span(_ later: Int64, _ earlier: Int64) -> String {
    let (seconds, overflow) = later.subtractingReportingOverflow(earlier)
    guard !overflow else { return "ages" }
    let units: [(name: String, length: Int64)] = [("day", 86400), ("hour", 3600), ("minute", 60)]
    let unit = units.first { seconds >= $0.length } ?? ("second", 1)
    let count = seconds / unit.length
    return "\(count) \(unit.name)\(count == 1 ? "" : "s")"
  }

  /// The words of a list of words.
  private static func names(_ json: String) -> String {
    String(json.filter { !"[]\" ".contains($0) }).replacing(",", with: ", ")
  }

  // MARK: Parts

  /// The bytes of a part, which has some.
  private static func decode(_ part: Substring) -> [UInt8]? {
    Base64URL.decode(part.utf8).flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func json(_ part: Substring, _ name: String) throws(TokenError) -> String {
    guard let bytes = decode(part) else { throw TokenError("The token \(name) is not base64url.") }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw TokenError("The token \(name) is not UTF-8 text.")
    }
    return text
  }

  private static func members(of json: String) -> [Member]? {
    var json = json
    return json.withUTF8 { text in
      guard var steps = JSONMembers(UnsafeRawBufferPointer(text)) else { return nil }
      var members: [Member] = []
      while true {
        switch steps.next() {
        case .member(let key, let value):
          let scanner = steps.scanner
          members.append(
            Member(
              name: scanner.string(key) ?? scanner.text(key), kind: value.kind, json: scanner.text(value.range),
              text: value.kind == .string ? scanner.string(value.range) : nil))
        case .end: return members
        case .malformed: return nil
        }
      }
    }
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
