/// Why something could not be done, in a code for programs and a sentence for people.
public struct ApusClientError: Error, Equatable, CustomStringConvertible {
  /// What programs decide by.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// One of the codes that a node answers with, as `forbidden`, or one of those below.
    public init(_ description: String) {
      self.description = description
    }

    /// The URL, the channel or the data cannot be used as they are; nothing was sent.
    public static let invalid = Code("invalid")
    /// No node could be reached, or there is no connection just now; nothing was sent.
    public static let notConnected = Code("not_connected")
    /// The connection was lost before the node answered: whether it was done is unknown.
    public static let outcomeUnknown = Code("outcome_unknown")
    /// The program's `TokenProvider` has given none, or none of use.
    public static let noToken = Code("no_token")
    /// The node does not want this client; it does not try again.
    public static let refused = Code("refused")
    /// A channel has so many members, or such large ones, that the node tells only how many.
    public static let tooManyMembers = Code("too_many_members")
    /// `close` was called.
    public static let closed = Code("closed")
  }

  public let code: Code
  public let description: String

  package init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
