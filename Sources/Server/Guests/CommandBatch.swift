import Model

/// The commands of one HTTP request, done on a loop as those of a WebSocket are.
package struct CommandBatch: Sendable {
  package enum Content: Sendable {
    /// The texts of commands, each a JSON object.
    case commands([String])
    /// One binary frame.
    case binary([UInt8])
  }

  /// The most commands of a batch.
  package static let maxCommands = 50
  /// Milliseconds after which whatever is not answered counts as such.
  static let timeLimit: Int64 = 10_000

  let content: Content
  /// Where the client is: what is anonymous counts for the rate of its address.
  let address: IPAddress?
  let identity: Identity?
  /// As whom the client publishes; nil for somebody new.
  let author: ClientID?

  package init(_ content: Content, address: IPAddress?, identity: Identity?, author: ClientID?) {
    self.content = content
    self.address = address
    self.identity = identity
    self.author = author
  }
}
