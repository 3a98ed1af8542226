import JSON
import Model
import WebSocket

/// What came of a call to the backend.
package enum BackendAnswer: Equatable, Sendable {
  /// JSON text, byte for byte as it came.
  case result(String)
  /// The same; the backend has refused. `isRPC`: it is an error as JSON-RPC 2.0, section 5.1, has them.
  case error(String, isRPC: Bool)
  /// There is no answer, or none that can be used: why, in our words.
  case failure(ErrorCode, String)

  /// Reads the body of an answer: an object with either `result` or `error`, once; other members are ignored.
  package init(body: UnsafeRawBufferPointer) {
    self = Self.read(body) ?? .failure(.internal, "The backend's answer does not have the expected form.")
  }

  private static func read(_ body: UnsafeRawBufferPointer) -> BackendAnswer? {
    // It goes into a text frame, and the scanner relies on it.
    guard UTF8Validator.isValid(body), var members = JSONMembers(body) else { return nil }
    var answer: BackendAnswer?
    while true {
      switch members.next() {
      case .member(let key, let value):
        let isResult = members.scanner.string(key, is: "result")
        guard isResult || members.scanner.string(key, is: "error") else { continue }
        guard answer == nil else { return nil }
        let text = members.scanner.text(value.range)
        answer = isResult ? .result(text) : .error(text, isRPC: isRPCError(text))
      case .end: return answer
      case .malformed: return nil
      }
    }
  }

  private static func isRPCError(_ json: String) -> Bool {
    guard let object = JSONObject(json), object.isUnambiguous else { return false }
    return object.integer("code") != nil && object.kind("message") == .string
  }
}
