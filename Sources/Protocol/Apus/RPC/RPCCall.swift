import Model

/// One call of JSON-RPC 2.0 (section 4), or what was meant to be one.
package enum RPCCall: Equatable, Sendable {
  /// A request that is to be answered.
  case request(RequestID, RPCMethod)
  /// One that is not.
  case notification(RPCMethod)
  /// No valid request; answered under its id where that could be read, else under null.
  case invalid(RequestID?)

  /// What its answer goes under; nil where it has none, or null.
  package var id: RequestID? {
    switch self {
    case .request(let id, _): id
    case .notification: nil
    case .invalid(let id): id
    }
  }
}

/// What is to be done, and with what.
package struct RPCMethod: Equatable, Sendable {
  package var name: String
  /// Where the value of `params` stands in the scanned bytes, an object or an array; nil where there is none.
  package var params: Range<Int>?

  package init(name: String, params: Range<Int>? = nil) {
    self.name = name
    self.params = params
  }
}

/// What a message of JSON-RPC holds.
package enum RPCMessage: Equatable, Sendable {
  case single(RPCCall)
  /// At least one call, and at most `maxCalls`.
  case batch([RPCCall])
  /// Not valid JSON (section 5.1): answered by one error under null.
  case malformed
  /// An empty batch, or one of too many calls: answered by one error under null.
  case refused

  /// The most calls in a batch.
  package static let maxCalls = 50
}
