import JSON
import Model
import Protocol

/// One connection in a channel's presence, as Redis keeps it: the JSON value of a field of the channel's hash.
package struct PresenceEntry: Equatable, Sendable {
  /// Nil for an anonymous connection.
  package var user: UserName?
  /// The id of the node that holds the connection.
  package var node: String
  /// When it entered: milliseconds since 1970.
  package var since: Int
  /// JSON text as the client gave it.
  package var info: String?

  package init(user: UserName?, node: String, since: Int, info: String? = nil) {
    self.user = user
    self.node = node
    self.since = since
    self.info = info
  }

  /// `{"user":"alice","node":"web-1.x3f9","since":1730000000123,"info":{…}}`: `user` null for an anonymous connection,
  /// `info` left out when there is none.
  package func encoded() -> [UInt8] {
    var writer = ByteWriter(capacity: 128)
    writer.append(literal: #"{"user":"#)
    Interchange.appendName(user, to: &writer)
    writer.append(literal: #","node":"#)
    writer.append(quoting: node)
    writer.append(literal: #","since":"#)
    writer.append(since)
    if let info {
      writer.append(literal: #","info":"#)
      writer.append(utf8: info)
    }
    writer.append(byte: UInt8(ascii: "}"))
    return writer.bytes
  }

  private enum Key: String {
    case user, node, since, info
  }

  /// The entry that `bytes` hold, its members in any order and unknown ones ignored.
  ///
  /// Nil when they are no UTF-8 or no JSON object, when `user`, `node` or `since` is missing, or when one of the four
  /// is of the wrong type or occurs twice.
  package init?(parsing bytes: UnsafeRawBufferPointer) {
    guard Interchange.isUTF8(bytes), var members = JSONMembers(bytes) else { return nil }
    let scanner = members.scanner
    var user: JSONValue?
    var node: JSONValue?
    var since: JSONValue?
    var info: JSONValue?
    walk: while true {
      switch members.next() {
      case .member(let token, let value):
        guard let key = scanner.string(token).flatMap(Key.init(rawValue:)) else { continue walk }
        switch key {
        case .user where user == nil: user = value
        case .node where node == nil: node = value
        case .since where since == nil: since = value
        case .info where info == nil: info = value
        case .user, .node, .since, .info: return nil
        }
      case .end: break walk
      case .malformed: return nil
      }
    }
    guard let user, let node, node.kind == .string, let since, since.kind == .number,
      let nodeID = scanner.string(node.range), let entered = Int(scanner.text(since.range))
    else { return nil }
    if user.kind != .null {
      guard user.kind == .string, let name = scanner.string(user.range).flatMap(UserName.init) else { return nil }
      self.user = name
    }
    self.info = info.map { scanner.text($0.range) }
    self.node = nodeID
    self.since = entered
  }
}
