/// The headers of a request that is not a handshake, gathered line by line: what frames it and what becomes of its connection.
struct RequestHeaders {
  /// The most digits of a length that is believed: no body is that long, and the number cannot overflow.
  private static let maxLengthDigits = 15

  /// Whether the request speaks HTTP/1.0.
  let isOld: Bool
  private(set) var fields: [RequestHead.Field] = []
  private(set) var isAskedToClose = false
  private(set) var isAskedToStay = false
  private(set) var expectsContinue = false
  private var host: String?
  private var length: Int?
  private var codings: [String]?

  init(isOld: Bool) {
    self.isOld = isOld
  }

  /// Takes one header, a line without its end.
  mutating func add(_ line: UnsafeRawBufferPointer) throws(HandshakeRefusal) {
    let (name, value) = try line.header()
    if name.isSameIgnoringCase("host") {
      guard host == nil else { throw .badRequest("There is more than one Host.") }
      host = value.string
      return
    }
    if name.isSameIgnoringCase("connection") {
      for element in value.listElements {
        if element.isSameIgnoringCase("close") { isAskedToClose = true }
        if element.isSameIgnoringCase("keep-alive") { isAskedToStay = true }
      }
      return
    }
    if name.isSameIgnoringCase("content-length") { try takeLength(value) }
    if name.isSameIgnoringCase("transfer-encoding") {
      codings = (codings ?? []) + value.listElements.map { $0.string.lowercased() }
    }
    // HTTP/1.0 knows of no expectations (RFC 9110 section 10.1.1).
    if name.isSameIgnoringCase("expect"), !isOld { try takeExpectation(value) }
    fields.append(RequestHead.Field(name: name.string, value: value.string))
  }

  private mutating func takeLength(_ value: UnsafeRawBufferPointer) throws(HandshakeRefusal) {
    guard length == nil else { throw .badRequest("There is more than one Content-Length.") }
    guard !value.isEmpty, value.allSatisfy(\.isDigit) else { throw .badRequest("Content-Length is not a number.") }
    let digits = value.drop { $0 == UInt8(ascii: "0") }
    length = digits.count > Self.maxLengthDigits ? .max : digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
  }

  private mutating func takeExpectation(_ value: UnsafeRawBufferPointer) throws(HandshakeRefusal) {
    guard value.isSameIgnoringCase("100-continue") else {
      throw HandshakeRefusal(status: 417, reason: "The only supported expectation is 100-continue.")
    }
    expectsContinue = true
  }

  /// Whom the request is for: exactly one `Host` stands in HTTP/1.1 (RFC 9112 section 3.2), at most one in HTTP/1.0.
  func authority(of target: RequestTarget) throws(HandshakeRefusal) -> String? {
    guard host != nil || isOld else { throw .badRequest("Host is missing.") }
    let named = [host, target.authority].compactMap(\.self)
    guard named.allSatisfy(HandshakeHeaders.isHost) else { throw .badRequest("Host is malformed.") }
    return named.last
  }

  /// How the body is framed (RFC 9112 section 6). What two readers could see differently is refused.
  func body() throws(HandshakeRefusal) -> RequestHead.Body {
    guard let codings else {
      return length.map { $0 == 0 ? .none : .length($0) } ?? .none
    }
    guard length == nil else { throw .badRequest("There are both Content-Length and Transfer-Encoding.") }
    guard !isOld else { throw .badRequest("HTTP/1.0 has no Transfer-Encoding.") }
    guard codings.allSatisfy({ $0 == "chunked" }) else {
      throw HandshakeRefusal(status: 501, reason: "The only supported transfer coding is chunked.")
    }
    guard codings.count == 1 else { throw .badRequest("Transfer-Encoding is malformed.") }
    return .chunked
  }
}
