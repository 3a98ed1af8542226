import Model
import WebSocket

/// Why a call was not done: JSON-RPC 2.0, section 5.1.
package enum RPCError: Int, Sendable, CaseIterable {
  case parseError = -32700
  case invalidRequest = -32600
  case methodNotFound = -32601
  case invalidParams = -32602
  case internalError = -32603
  /// Ours, of the range for servers: too many commands.
  case rateLimited = -32000
  /// Ours: it is not known who asks, or they may not.
  case forbidden = -32001
  /// Ours: what would have to answer cannot be reached.
  case unavailable = -32002
  /// Ours: what had to answer did not in time, or is gone; the call may have taken effect.
  case timeout = -32003
  /// Ours: the backend has refused, in a form that is none of JSON-RPC; its error is the `data`.
  case backend = -32004

  /// As the specification words it.
  package var message: String {
    switch self {
    case .parseError: "Parse error"
    case .invalidRequest: "Invalid Request"
    case .methodNotFound: "Method not found"
    case .invalidParams: "Invalid params"
    case .internalError: "Internal error"
    case .rateLimited: "Too many commands"
    case .forbidden: "Forbidden"
    case .unavailable: "Unavailable"
    case .timeout: "Timeout"
    case .backend: "Backend error"
    }
  }
}

/// The answer to a call, as JSON text.
package struct RPCResponse: Equatable, Sendable {
  package let json: String

  /// `result` is JSON text.
  package static func success(_ id: RequestID, result: String) -> RPCResponse {
    RPCResponse(json: #"{"jsonrpc":"2.0","id":\#(id.json),"result":\#(result)}"#)
  }

  package static func failure(_ id: RequestID?, _ error: RPCError) -> RPCResponse {
    let detail = #"{"code":\#(error.rawValue),"message":"\#(error.message)"}"#
    return RPCResponse(json: #"{"jsonrpc":"2.0","id":\#(id?.json ?? "null"),"error":\#(detail)}"#)
  }

  /// `error` is the error itself as JSON text, in the form that section 5.1 asks for.
  package static func failure(_ id: RequestID, error: String) -> RPCResponse {
    RPCResponse(json: #"{"jsonrpc":"2.0","id":\#(id.json),"error":\#(error)}"#)
  }

  /// `data` is JSON text that goes out as it is.
  package static func failure(_ id: RequestID, _ error: RPCError, data: String) -> RPCResponse {
    failure(id, error: #"{"code":\#(error.rawValue),"message":"\#(error.message)","data":\#(data)}"#)
  }

  /// The answers to a batch as one text; nil where none of its calls is answered (section 6).
  package static func json(of responses: [RPCResponse]) -> String? {
    responses.isEmpty ? nil : "[\(responses.map(\.json).joined(separator: ","))]"
  }
}
