import JSON

/// The known members of a command's top-level object, in whatever order they came.
struct Envelope {
  /// A member with a meaning; all others are ignored.
  enum Key: String {
    case type, id, channel, data, presence, info, echo, only, token, since, key, event, limit, to, method, params,
      jsonrpc

    /// The key written at `token`, or nil when it is none of these.
    init?(_ token: Range<Int>, in scanner: JSONScanner) {
      guard let key = scanner.withString(token, Key.init(utf8:)) else { return nil }
      self = key
    }

    private init?(utf8: UnsafeRawBufferPointer) {
      switch utf8.count {
      case 2 where utf8.equals("id"): self = .id
      case 2 where utf8.equals("to"): self = .to
      case 4 where utf8.equals("type"): self = .type
      case 4 where utf8.equals("data"): self = .data
      case 4 where utf8.equals("info"): self = .info
      case 4 where utf8.equals("echo"): self = .echo
      case 4 where utf8.equals("only"): self = .only
      case 3 where utf8.equals("key"): self = .key
      case 5 where utf8.equals("token"): self = .token
      case 5 where utf8.equals("since"): self = .since
      case 5 where utf8.equals("event"): self = .event
      case 5 where utf8.equals("limit"): self = .limit
      case 6 where utf8.equals("method"): self = .method
      case 6 where utf8.equals("params"): self = .params
      case 7 where utf8.equals("channel"): self = .channel
      case 7 where utf8.equals("jsonrpc"): self = .jsonrpc
      case 8 where utf8.equals("presence"): self = .presence
      default: return nil
      }
    }
  }

  private(set) var type: JSONValue?
  private(set) var id: JSONValue?
  private(set) var channel: JSONValue?
  private(set) var data: JSONValue?
  private(set) var presence: JSONValue?
  private(set) var info: JSONValue?
  private(set) var echo: JSONValue?
  private(set) var only: JSONValue?
  private(set) var token: JSONValue?
  private(set) var since: JSONValue?
  private(set) var key: JSONValue?
  private(set) var event: JSONValue?
  private(set) var limit: JSONValue?
  private(set) var to: JSONValue?
  private(set) var method: JSONValue?
  private(set) var params: JSONValue?
  /// There in a message of JSON-RPC, whatever else is.
  private(set) var jsonrpc: JSONValue?
  /// A key that came twice: `id` if it did, since then there is none to answer to, or else the last such.
  private(set) var duplicate: Key?

  mutating func add(_ value: JSONValue, as key: Key) {
    let isNew =
      switch key {
      case .type: Self.fill(&type, with: value)
      case .id: Self.fill(&id, with: value)
      case .channel: Self.fill(&channel, with: value)
      case .data: Self.fill(&data, with: value)
      case .presence: Self.fill(&presence, with: value)
      case .info: Self.fill(&info, with: value)
      case .echo: Self.fill(&echo, with: value)
      case .only: Self.fill(&only, with: value)
      case .token: Self.fill(&token, with: value)
      case .since: Self.fill(&since, with: value)
      case .key: Self.fill(&self.key, with: value)
      case .event: Self.fill(&event, with: value)
      case .limit: Self.fill(&limit, with: value)
      case .to: Self.fill(&to, with: value)
      case .method: Self.fill(&method, with: value)
      case .params: Self.fill(&params, with: value)
      case .jsonrpc: Self.fill(&jsonrpc, with: value)
      }
    if !isNew, duplicate != .id { duplicate = key }
  }

  private static func fill(_ slot: inout JSONValue?, with value: JSONValue) -> Bool {
    guard slot == nil else { return false }
    slot = value
    return true
  }
}
