import Model
import Protocol
import WebSocket

/// The calls of one loop's clients that the backend has not answered yet, and the batches they are part of.
///
/// Every call that is opened is closed once, also when its connection is gone: so nothing stays here.
struct OpenCalls {
  /// Calls of one connection, so that none alone takes all that the node may have done at a time.
  static let maxPerSession = 16
  /// The answers to one batch, in bytes, those of the node itself among them: what the backend's single answer may have.
  static let maxBatchBytes = 1 << 20
  /// What all batches of the loop that are not complete may hold, in bytes.
  static let maxBytes = 32 << 20

  struct BatchID: Hashable, Sendable {
    fileprivate let number: UInt64
  }

  /// What there is for a call of a batch when the last of its calls is handed over.
  enum Part {
    /// Nil where a call is not answered.
    case answered(RPCResponse?)
    case awaited
  }

  private struct Batch {
    var answers: [RPCResponse?]
    var awaited: Int
    var room: BatchRoom
    /// What its answers have.
    var bytes = 0
  }

  private var counts: [SessionID: Int] = [:]
  private var batches: [BatchID: Batch] = [:]
  private var lastBatch: UInt64 = 0
  /// What the batches hold.
  private var bytes = 0

  // MARK: Calls

  /// Whether a connection waits for answers.
  func has(_ session: SessionID) -> Bool { counts[session] != nil }

  /// Whether one more call may be opened.
  func hasRoom(_ session: SessionID) -> Bool {
    counts[session, default: 0] < Self.maxPerSession && bytes < Self.maxBytes
  }

  mutating func open(_ session: SessionID) {
    counts[session, default: 0] += 1
  }

  mutating func close(_ session: SessionID) {
    guard let count = counts[session] else { return }
    counts[session] = count > 1 ? count - 1 : nil
  }

  // MARK: Batches

  /// What the next batch is called.
  mutating func nextBatch() -> BatchID {
    lastBatch += 1
    return BatchID(number: lastBatch)
  }

  /// Keeps a batch, some of whose calls are awaited, until the last of them is answered; `room` is what is left of it.
  mutating func begin(_ batch: BatchID, _ parts: [Part], _ room: BatchRoom) {
    var begun = Batch(answers: [], awaited: 0, room: room)
    for part in parts {
      switch part {
      case .answered(let answer):
        begun.answers.append(answer)
        begun.bytes += answer?.json.utf8.count ?? 0
      case .awaited:
        begun.answers.append(nil)
        begun.awaited += 1
      }
    }
    bytes += begun.bytes
    batches[batch] = begun
  }

  /// Takes the answer to the call at a place of a batch; returns all of its answers when it is the last.
  mutating func answer(_ batch: BatchID, at index: Int, id: RequestID, _ answer: RPCResponse) -> [RPCResponse]? {
    guard let kept = batches[batch]?.room.admit(answer, to: id) else { return nil }
    batches[batch]?.bytes += kept.json.utf8.count
    bytes += kept.json.utf8.count
    batches[batch]?.answers[index] = kept
    batches[batch]?.awaited -= 1
    guard batches[batch]?.awaited == 0 else { return nil }
    guard let complete = batches.removeValue(forKey: batch) else { return nil }
    bytes -= complete.bytes
    return complete.answers.compactMap(\.self)
  }
}
