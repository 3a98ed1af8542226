import Model

/// What the value of an option looks like.
package enum SettingForm: Equatable, Sendable {
  /// On or off: on the command line its name alone.
  case toggle
  /// Any text but an empty one, told as what it is: "a path such as /ws".
  case text(String)
  /// An address, or a network in CIDR notation.
  case network
  /// A host without a port.
  case host
  /// A web origin, `null` or `*`.
  case origin
  case webSocketPath
  case integer(ClosedRange<Int>)
  case number(ClosedRange<Double>)
  /// In milliseconds.
  case duration(atLeast: Int64)
  /// In bytes.
  case size(ClosedRange<Int>)
  case choice([String])

  /// What is expected, to go on from "takes".
  package var expected: String {
    switch self {
    case .toggle: "true or false"
    case .text(let what): what
    case .host: "a host such as apus.example.com"
    case .origin: "an origin such as https://app.example.com"
    case .webSocketPath: "a path such as /ws"
    case .network: "an address or a network such as 10.0.0.0/8"
    case .integer(let range): "a whole number" + Self.words(range)
    case .number(let range): "a number from \(Self.plain(range.lowerBound)) to \(Self.plain(range.upperBound))"
    case .duration(let least): Milliseconds.expected + (least > 0 ? ", at least \(Milliseconds(least))" : "")
    case .size(let range): ByteCount.expected + Self.words(range)
    case .choice(let names): names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
    }
  }

  package func accepts(_ text: String) -> Bool {
    switch self {
    case .toggle: Self.toggle(text) != nil
    case .text: !text.isEmpty
    case .host, .origin, .webSocketPath: !text.isEmpty && complaint(of: text) == nil
    case .network: AddressBlock(text) != nil
    case .integer(let range): Decimal.integer(text).map(range.contains) ?? false
    case .number(let range): Decimal.number(text).map(range.contains) ?? false
    case .duration(let least): Milliseconds(text: text).map { $0.value >= least } ?? false
    case .size(let range): ByteCount(text: text).map { range.contains($0.value) } ?? false
    case .choice(let names): names.contains(text)
    }
  }

  /// What is wrong with a value in particular, and the right form of it; nil where there is nothing to add.
  func complaint(of text: String) -> String? {
    switch self {
    case .host: WebName.complaint(ofHost: text)
    case .origin: WebName.complaint(ofOrigin: text)
    case .webSocketPath: WebSocketPath.complaint(of: text)
    case .toggle, .text, .network, .integer, .number, .duration, .size, .choice: nil
    }
  }

  /// On or off as an environment variable says it.
  static func toggle(_ text: String) -> Bool? {
    switch text.lowercased() {
    case "1", "true", "yes", "on": true
    case "0", "false", "no", "off": false
    default: nil
    }
  }

  private static func words(_ range: ClosedRange<Int>) -> String {
    range.upperBound == .max ? ", \(range.lowerBound) or more" : " from \(range.lowerBound) to \(range.upperBound)"
  }

  private static func plain(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? String(number)
  }
}
