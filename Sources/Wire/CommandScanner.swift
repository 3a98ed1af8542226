import Model

/// Reads one text message of a client as a command, in one pass over its top-level object.
package enum CommandScanner {
  /// The command that `bytes`, one whole message of valid UTF-8, ask for; the ranges in it count from their start.
  ///
  /// A refusal carries the command's `id` when one could be read: in a message that breaks off or breaks the rules of
  /// JSON, when it stood before the fault.
  package static func scan(_ bytes: UnsafeRawBufferPointer) -> Result<Command, Refusal> {
    if JSONScanner(bytes).byte(at: JSONScanner(bytes).skipSpace(at: 0)) == UInt8(ascii: "[") {
      return .success(.jsonRPC)
    }
    guard var members = JSONMembers(bytes) else {
      return .failure(Refusal(.badRequest, "A command must be a JSON object."))
    }
    var envelope = Envelope()
    while true {
      switch members.next() {
      case .member(let token, let value):
        if let key = Envelope.Key(token, in: members.scanner) { envelope.add(value, as: key) }
      case .end where envelope.jsonrpc != nil, .malformed where envelope.jsonrpc != nil: return .success(.jsonRPC)
      case .end:
        return CommandReader(scanner: members.scanner, envelope: envelope).read()
      case .malformed:
        let reader = CommandReader(scanner: members.scanner, envelope: envelope)
        let message = "The message is not valid JSON, or is nested deeper than \(JSONScanner.maxDepth) levels."
        return .failure(Refusal(id: reader.id, .badRequest, message))
      }
    }
  }
}
