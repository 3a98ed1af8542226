/// The headers of a handshake, gathered line by line and judged together: RFC 6455 section 4.2.1.
struct HandshakeHeaders {
  private enum Name {
    case connection
    case contentLength
    case extensions
    case forwardedFor
    case forwardedProto
    case host
    case key
    case origin
    case subprotocols
    case transferEncoding
    case upgrade
    case version

    private static let all: [(text: StaticString, name: Name)] = [
      ("connection", .connection), ("content-length", .contentLength), ("host", .host), ("origin", .origin),
      ("sec-websocket-extensions", .extensions), ("sec-websocket-key", .key), ("sec-websocket-protocol", .subprotocols),
      ("sec-websocket-version", .version), ("transfer-encoding", .transferEncoding), ("upgrade", .upgrade),
      ("x-forwarded-for", .forwardedFor), ("x-forwarded-proto", .forwardedProto),
    ]

    /// Nil for a header that means nothing here.
    init?(_ bytes: UnsafeRawBufferPointer) {
      guard let known = Self.all.first(where: { bytes.isSameIgnoringCase($0.text) }) else { return nil }
      self = known.name
    }
  }

  private var upgrades = false
  private var connectionUpgrades = false
  private var host: String?
  private var origin: String?
  private var key: String?
  private var version: String?
  private var subprotocols: [String] = []
  private var extensions: [String] = []
  private var forwardedFor: [String] = []
  private var forwardedProto: [String] = []

  /// Takes one header, a line without its end.
  mutating func add(_ line: UnsafeRawBufferPointer) throws(HandshakeRefusal) {
    let (name, value) = try line.header()
    guard let known = Name(name) else { return }
    switch known {
    case .connection:
      if value.listElements.contains(where: { $0.isSameIgnoringCase("upgrade") }) { connectionUpgrades = true }
    case .upgrade:
      if value.listElements.contains(where: { $0.isSameIgnoringCase("websocket") }) { upgrades = true }
    case .contentLength:
      guard !value.isEmpty, value.allSatisfy({ $0 == UInt8(ascii: "0") }) else {
        throw .badRequest("A WebSocket handshake has no body.")
      }
    case .transferEncoding:
      throw .badRequest("A WebSocket handshake has no body.")
    case .host:
      try Self.set(&host, value, "There is more than one Host.")
    case .origin:
      try Self.set(&origin, value, "There is more than one Origin.")
    case .key:
      try Self.set(&key, value, "There is more than one Sec-WebSocket-Key.")
    case .version:
      try Self.set(&version, value, "There is more than one Sec-WebSocket-Version.")
    case .subprotocols:
      let elements = value.listElements
      guard !elements.isEmpty else { throw .badRequest("Sec-WebSocket-Protocol names nothing.") }
      for element in elements {
        guard element.isToken else { throw .badRequest("Sec-WebSocket-Protocol is malformed.") }
        subprotocols.append(element.string)
      }
    case .extensions:
      extensions.append(value.string)
    case .forwardedFor:
      forwardedFor.append(contentsOf: value.listElements.map(\.string))
    case .forwardedProto:
      forwardedProto.append(contentsOf: value.listElements.map(\.string))
    }
  }

  /// The request these headers make, all of them having been added.
  consuming func request(to target: RequestTarget) throws(HandshakeRefusal) -> HandshakeRequest {
    guard let host else { throw .badRequest("Host is missing.") }
    guard Self.isHost(host), target.authority.map(Self.isHost) ?? true else { throw .badRequest("Host is malformed.") }
    guard upgrades else { throw .badRequest("Upgrade does not ask for a WebSocket.") }
    guard connectionUpgrades else { throw .badRequest("Connection does not ask for an upgrade.") }
    guard version == "13" else { throw .unsupportedVersion }
    guard let key else { throw .badRequest("Sec-WebSocket-Key is missing.") }
    guard WebSocketKey.isValid(key) else { throw .badRequest("Sec-WebSocket-Key is not the base64 of 16 bytes.") }
    return HandshakeRequest(
      path: target.path, rawQuery: target.query, host: target.authority ?? host, origin: origin, key: key,
      subprotocols: subprotocols, extensions: extensions, forwardedFor: forwardedFor,
      forwardedProto: forwardedProto)
  }

  private static func set(
    _ field: inout String?, _ value: UnsafeRawBufferPointer, _ otherwise: String
  ) throws(HandshakeRefusal) {
    guard field == nil else { throw .badRequest(otherwise) }
    field = value.string
  }

  /// Whether this is a host and perhaps a port: RFC 3986 section 3.2, without user information.
  static func isHost(_ text: String) -> Bool {
    let bytes = text.utf8
    let end: String.Index
    if bytes.first == UInt8(ascii: "[") {
      guard let bracket = bytes.firstIndex(of: UInt8(ascii: "]")) else { return false }
      end = bytes.index(after: bracket)
      let address = bytes[..<bracket].dropFirst()
      guard !address.isEmpty, address.allSatisfy({ $0.hexValue != nil || ":.".utf8.contains($0) }) else {
        return false
      }
    } else {
      end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.endIndex
      guard bytes[..<end].allSatisfy({ $0.isLetter || $0.isDigit || "-._~!$&'()*+,;=%".utf8.contains($0) }) else {
        return false
      }
      for escape in bytes[..<end].split(separator: UInt8(ascii: "%"), omittingEmptySubsequences: false).dropFirst() {
        guard escape.prefix(2).count(where: { $0.hexValue != nil }) == 2 else { return false }
      }
    }
    guard end > bytes.startIndex else { return false }
    let port = bytes[end...]
    return port.isEmpty || port.first == UInt8(ascii: ":") && port.dropFirst().allSatisfy(\.isDigit)
  }
}
