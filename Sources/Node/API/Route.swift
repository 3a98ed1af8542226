import HTTPTypes
import HummingbirdCore
import Model
import NIOCore

/// One route of the HTTP API: what it takes, what it gives, and who answers. `RouteTable` has them all.
struct Route: Sendable {
  /// A parameter of the path or of the query.
  struct Parameter: Sendable {
    let name: String
    let schema: Schema
    /// A sentence.
    let meaning: String

    init(_ name: String, _ schema: Schema, _ meaning: String) {
      self.name = name
      self.schema = schema
      self.meaning = meaning
    }
  }

  let method: HTTPRequest.Method
  /// With its parameters in braces: `/api/channels/{channel}/messages`.
  let path: String
  /// A sentence.
  let summary: String
  let query: [Parameter]
  /// An object; nil where it takes none.
  let body: Schema?
  /// Whether the body may be left out.
  let isBodyOptional: Bool
  /// The members of the answer.
  let answer: [Schema.Member]
  /// Besides those that every route may give.
  let errors: [ErrorCode]
  let answerer: Answerer

  enum Answerer: Sendable {
    /// Answers with JSON text.
    case json(@Sendable (RouteRequest) async throws(RouteError) -> String)
    /// Opens a stream on the request's connection.
    case stream(@Sendable (RouteRequest, Request, any Channel) async throws(RouteError) -> Void)
  }

  init(
    method: HTTPRequest.Method, path: String, summary: String, query: [Parameter] = [],
    body: Schema? = nil, isBodyOptional: Bool = false, answer: [Schema.Member], errors: [ErrorCode] = [],
    respond: @escaping @Sendable (RouteRequest) async throws(RouteError) -> String
  ) {
    self.init(
      method, path, summary, query: query, body: body, isBodyOptional: isBodyOptional, answer: answer, errors: errors,
      .json(respond))
  }

  init(
    _ method: HTTPRequest.Method, _ path: String, _ summary: String, query: [Parameter] = [],
    body: Schema? = nil, isBodyOptional: Bool = false, answer: [Schema.Member] = [],
    errors: [ErrorCode] = [], _ answerer: Answerer
  ) {
    self.method = method
    self.path = path
    self.summary = summary
    self.query = query
    self.body = body
    self.isBodyOptional = isBodyOptional
    self.answer = answer
    self.errors = errors
    self.answerer = answerer
  }

  var isStream: Bool { if case .stream = answerer { true } else { false } }

  /// What it is called in the metrics: `GET /api/channels/{channel}`.
  var name: String { "\(method.rawValue) \(path)" }

  func takes(_ method: HTTPRequest.Method) -> Bool {
    method == self.method || method == .head && self.method == .get && !isStream
  }

  /// The path's parameters, in order.
  var parameters: [Parameter] {
    path.split(separator: "/").compactMap { segment in
      guard segment.hasPrefix("{"), segment.hasSuffix("}") else { return nil }
      return Self.known[String(segment.dropFirst().dropLast())]
    }
  }

  private static let known: [String: Parameter] = {
    let parameters = [
      Parameter("channel", .channel, ChannelName.rule),
      Parameter(
        "user", .user,
        "A user name is 1 to \(UserName.maxLength) bytes of UTF-8 without control characters."),
      Parameter("client", .client, "The id of a connection, as `connected` tells it."),
    ]
    return Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
  }()
}

/// Why a request was not done.
struct RouteError: Error {
  let status: Int
  let code: String
  /// A sentence that says what to do.
  let message: String
  /// Which of several channels it is about.
  var channel: String?
  var headers: HTTPFields = [:]

  init(status: Int, code: String, _ message: String, headers: HTTPFields = [:]) {
    self.status = status
    self.code = code
    self.message = message
    self.headers = headers
  }

  init(_ code: ErrorCode, _ message: String) {
    self.init(Refusal(code, message))
  }

  init(_ refusal: Refusal, channel: String? = nil) {
    self.channel = channel
    status = refusal.code.httpStatus
    code = refusal.code.rawValue
    message = refusal.message
    if refusal.code == .unavailable { headers[.retryAfter] = "1" }
  }

  static let malformedQuery = RouteError(.badRequest, "The query is not percent-encoded UTF-8.")
  static let notFound = RouteError(status: 404, code: "not_found", "There is nothing at this path.")
}

/// The names of things.
extension Schema {
  static let channel = Schema.string(
    minBytes: 1, maxBytes: ChannelName.maxLength,
    pattern: #"^[^\u0000-\u0020\u007f-\u00a0{}\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$"#)
  static let user = Schema.string(
    minBytes: 1, maxBytes: UserName.maxLength, pattern: #"^[^\u0000-\u001f\u007f-\u009f]+$"#)
  static let client = Schema.string(minBytes: 1, maxBytes: 64, pattern: "^(?!-$)[A-Za-z0-9._-]{1,64}$")
}
