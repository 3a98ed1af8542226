/// The head of an HTTP request that is whole and valid: RFC 9112 sections 2, 3, 6 and 9.
package struct RequestHead: Equatable, Sendable {
  /// How the body is framed.
  package enum Body: Equatable, Sendable {
    case none
    /// That many bytes, at least one.
    case length(Int)
    case chunked
  }

  /// One header, its value without the blanks around it.
  package struct Field: Equatable, Sendable {
    package let name: String
    package let value: String
  }

  package let method: String
  /// Whether the answer has no body (RFC 9110 section 9.3.2).
  package var isHead: Bool { method == "HEAD" }
  /// The path and the query as sent, beginning with `/`.
  package let target: String
  /// The host, with its port if one was sent; that of an absolute target before that of `Host`. Nil only with HTTP/1.0.
  package let authority: String?
  /// All headers but `Host` and `Connection`, in order.
  package let fields: [Field]
  package let body: Body
  /// Whether the connection ends after the answer: it was asked to, or speaks HTTP/1.0 and was not asked to stay.
  package let closes: Bool
  /// Whether the client speaks HTTP/1.0 and has to be told that the connection stays.
  package let isToldToStay: Bool
  /// Whether the client waits for a `100 Continue` before it sends the body.
  package let expectsContinue: Bool

  /// Reads a head that `HeadScanner` accepted.
  static func read(_ bytes: UnsafeRawBufferPointer) -> Result<RequestHead, HandshakeRefusal> {
    do throws(HandshakeRefusal) {
      return .success(try RequestHead(bytes))
    } catch {
      var refusal = error
      refusal.isWithoutBody = RequestLine.isHead(bytes)
      return .failure(refusal)
    }
  }

  private init(_ bytes: UnsafeRawBufferPointer) throws(HandshakeRefusal) {
    var lines = HeadLines(bytes)
    guard let first = lines.next() else { throw RequestLine.malformed }
    let line = try RequestLine.parse(first)
    var headers = RequestHeaders(isOld: line.isOld)
    while let header = lines.next() { try headers.add(header) }
    method = line.method.string
    target = line.target.raw
    authority = try headers.authority(of: line.target)
    fields = headers.fields
    body = try headers.body()
    closes = headers.isAskedToClose || line.isOld && !headers.isAskedToStay
    isToldToStay = line.isOld && !closes
    expectsContinue = headers.expectsContinue && body != .none
  }
}
