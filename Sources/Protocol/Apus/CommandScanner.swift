import JSON
import Model

/// Reads one text message of a client as a command, in one pass over its top-level object.
package enum CommandScanner {
  /// The command that `bytes`, one whole message of valid UTF-8, ask for; the ranges in it count from their start.
  ///
  /// A refusal carries the command's `id` when one could be read: in a message that breaks off or breaks the rules of
  /// JSON, when it stood before the fault. It says what its sender may have meant.
  package static func scan(_ bytes: UnsafeRawBufferPointer) -> Result<Command, Refusal> {
    scan(bytes, hints: true)
  }

  /// The same without `hints`, which take time, where nobody has a claim to them.
  package static func scan(_ bytes: UnsafeRawBufferPointer, hints: Bool) -> Result<Command, Refusal> {
    if JSONScanner(bytes).byte(at: JSONScanner(bytes).skipSpace(at: 0)) == UInt8(ascii: "[") {
      return .success(.jsonRPC)
    }
    guard var members = JSONMembers(bytes) else {
      return .failure(Refusal(.badRequest, "A command must be a JSON object, such as \(CommandHint.example)."))
    }
    var envelope = Envelope()
    while true {
      switch members.next() {
      case .member(let token, let value):
        if let key = Envelope.Key(token, in: members.scanner) { envelope.add(value, as: key) }
      case .end where envelope.jsonrpc != nil, .malformed where envelope.jsonrpc != nil: return .success(.jsonRPC)
      case .end:
        return CommandReader(scanner: members.scanner, envelope: envelope, hints: hints).read()
      case .malformed:
        let reader = CommandReader(scanner: members.scanner, envelope: envelope, hints: hints)
        let message = "The message is not valid JSON, or is nested deeper than \(JSONScanner.maxDepth) levels."
        let hint = hints ? CommandHint.quotes(members.scanner).map { " \($0)" } ?? "" : ""
        return .failure(Refusal(id: reader.id, .badRequest, message + hint))
      }
    }
  }
}
