import Model
import Protocol

/// How much the answers to a batch may still have: they leave as one text, which has to fit into an outbox.
///
/// There is always room for an error in the place of each answer, so that one that is too large leaves that of the others.
struct BatchRoom {
  /// What stands around the answers, the frame's header among it.
  private static let frame = 16

  /// Beyond what is kept for errors; in bytes.
  private var left: Int

  /// `ids` are those of the calls, nil for one that has none; `limit` is of the frame, in bytes.
  init(for ids: [RequestID?], limit: Int) {
    left = ids.reduce(limit - Self.frame) { $0 - Self.size(of: Self.error($1)) }
  }

  /// The answer to the call of that id, or an error where there is no room for it.
  mutating func admit(_ answer: RPCResponse, to id: RequestID?) -> RPCResponse {
    let error = Self.error(id)
    let more = Self.size(of: answer) - Self.size(of: error)
    guard more <= max(left, 0) else { return error }
    left -= more
    return answer
  }

  private static func error(_ id: RequestID?) -> RPCResponse { .failure(id, .internalError) }

  /// With the comma behind it.
  private static func size(of answer: RPCResponse) -> Int { answer.json.utf8.count + 1 }
}
