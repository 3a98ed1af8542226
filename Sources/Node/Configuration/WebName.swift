import Model
import Server

/// Hosts and origins as browsers write them: one that is written otherwise would never be met.
enum WebName {
  private static let defaultPorts = ["http": 80, "https": 443]
  private static let punycode = "write letters outside ASCII in punycode, as browsers do, such as xn--bcher-kva.example"
  private static let oneByOne = "give one value each time; repeat the option for more"

  /// What is wrong with a value of `--allowed-host`; nil for a name or an address that `Host` can be.
  static func complaint(ofHost text: String) -> String? {
    if let complaint = basics(text) { return complaint }
    if text.contains("*") { return "patterns are not supported: name each host" }
    if IPAddress(text) != nil { return nil }
    var rest = text[...]
    if let scheme = rest.firstRange(of: "://") { rest = rest[scheme.upperBound...] }
    rest = rest.prefix { !"/?#".contains($0) }
    if let at = rest.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
    guard let host = HostName(rest), let name = canonical(host) else { return "this is not the name of a host" }
    return name == text.lowercased() ? nil : "write \(name)"
  }

  /// What is wrong with a value of `--allowed-origin`; nil for `*`, `null` and an origin as browsers send it (RFC 6454
  /// section 6.2).
  static func complaint(ofOrigin text: String) -> String? {
    if ["*", "null"].contains(text) { return nil }
    if let complaint = basics(text) { return complaint }
    if text.contains("*") { return "patterns are not supported: name each origin, or give '*' alone for all" }
    guard let separator = text.firstRange(of: "://") else {
      return complaint(ofHost: text) == nil ? "write https://\(text)" : "it must begin with https:// or http://"
    }
    let given = text[..<separator.lowerBound].lowercased()
    let scheme = ["ws": "http", "wss": "https"][given] ?? given
    var rest = text[separator.upperBound...].prefix { !"/?#".contains($0) }
    if let at = rest.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
    var right = scheme + "://"
    // Apps have schemes of their own, and some no host, such as file://.
    if !rest.isEmpty || defaultPorts[scheme] != nil {
      guard let host = HostName(rest), let name = canonical(host) else {
        return "there is no host in the form that browsers use"
      }
      right += name
      if let digits = host.port, !digits.isEmpty {
        guard let port = UInt16(digits), port > 0 else { return "the port must be a number from 1 to 65535" }
        if Int(port) != defaultPorts[scheme] { right += ":\(port)" }
      }
    }
    return right == text.lowercased() ? nil : "write \(right)"
  }

  /// What neither may have.
  private static func basics(_ text: String) -> String? {
    if text.contains(",") { return oneByOne }
    if text.utf8.contains(where: { $0 >= 0x80 }) { return punycode }
    return text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) ? oneByOne : nil
  }

  /// The host as browsers write it; nil where they would write no such one.
  private static func canonical(_ host: HostName) -> String? {
    if let address = host.address {
      // With a part in dotted decimal it may be written otherwise than here.
      let text = address.description
      return host.text.first == "[" && !text.contains(".") ? "[\(text)]" : host.text
    }
    let name = host.text.last == "." ? HostName(host.text.dropLast()) : host
    guard name?.isName == true else { return nil }
    // Browsers take a name that ends with a number for an address.
    let last = host.text.split(separator: ".").last ?? ""
    return Decimal.integer(last) == nil ? host.text : nil
  }
}
