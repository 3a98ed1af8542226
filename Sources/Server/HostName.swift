import Model

/// A host as it stands in `Host`, in an origin or in the target of a request, with a port or without: RFC 3986 section
/// 3.2.
package struct HostName: Equatable, Sendable {
  /// In lower case; an IPv6 address in its brackets.
  package let text: String
  /// The digits behind the colon; nil where there is no colon.
  package let port: String?

  private static let loopback = [AddressBlock("127.0.0.0/8"), AddressBlock("::1")].compactMap(\.self)

  /// Nil for no host, for user information, and for a port that is not digits alone.
  package init?(_ authority: some StringProtocol) {
    let authority = authority.lowercased()
    let end: String.Index
    if authority.first == "[" {
      guard let bracket = authority.firstIndex(of: "]") else { return nil }
      end = authority.index(after: bracket)
    } else {
      end = authority.firstIndex(of: ":") ?? authority.endIndex
    }
    let rest = authority[end...]
    text = String(authority[..<end])
    port = rest.isEmpty ? nil : String(rest.dropFirst())
    let isPort = rest.isEmpty || rest.first == ":" && rest.utf8.dropFirst().allSatisfy(Self.isDigit)
    guard !text.isEmpty, !text.contains("@"), isPort else { return nil }
  }

  /// The address that the host is; nil for a name, also for one of digits (`127.1`).
  package var address: IPAddress? {
    guard text.first == "[" else { return IPAddress(text) }
    let inside = text.dropFirst().dropLast()
    return inside.contains(":") ? IPAddress(String(inside)) : nil
  }

  /// Whether this is letters, digits, `-` and `_` between single dots: a name as browsers write it.
  package var isName: Bool {
    text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      !label.isEmpty && label.utf8.allSatisfy { Self.isLetter($0) || Self.isDigit($0) || "-_".utf8.contains($0) }
    }
  }

  /// Whether this is a machine's name for itself, which nobody else can have: `localhost` and what ends with
  /// `.localhost` (RFC 6761 section 6.3), 127.0.0.0/8, `[::1]`.
  package var isLoopback: Bool {
    if let address { return Self.loopback.contains { $0.contains(address) } }
    return text == "localhost" || text.hasSuffix(".localhost") && isName
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
  }
}
