import JSON
import Model
import WebSocket

/// The body of a request to the HTTP API that carries one message: a JSON object with the member `data`.
package enum MessageBody {
  /// Where the value of `data` stands in `bytes`, valid JSON without the space around it; other members are ignored.
  package static func data(of bytes: UnsafeRawBufferPointer) -> Result<Range<Int>, Refusal> {
    guard UTF8Validator.isValid(bytes), var members = JSONMembers(bytes) else {
      return .failure(Refusal(.badRequest, "The body must be a JSON object in UTF-8."))
    }
    var data: Range<Int>?
    while true {
      switch members.next() {
      case .member(let key, let value):
        guard members.scanner.string(key, is: "data") else { continue }
        guard data == nil else { return .failure(Refusal(.badRequest, "The member data must not occur twice.")) }
        data = value.range
      case .end:
        return data.map(Result.success) ?? .failure(Refusal(.badRequest, "The member data is missing."))
      case .malformed:
        let message = "The body is not valid JSON, or is nested deeper than \(JSONScanner.maxDepth) levels."
        return .failure(Refusal(.badRequest, message))
      }
    }
  }
}
