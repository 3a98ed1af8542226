import Model
import Protocol

extension Publication {
  /// What listeners get, once it is known when it was published, in milliseconds since 1970, and at which offset, where
  /// it is kept.
  func text(offset: Int?, time: Int64) -> EventText {
    switch (event, kind) {
    case (.finished(let text), _): text
    case (.draft(let head, let tail), .binary): BinaryPublish.finish(head: head, tail: tail, offset: offset)
    case (.draft(let head, _), .message), (.draft(let head, _), .signal):
      Interchange.finish(head: head, offset: offset, timestamp: Int(time))
    }
  }
}
