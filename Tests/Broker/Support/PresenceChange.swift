import JSON

/// A `join` or `leave` event, read from its text.
struct PresenceChange: CustomStringConvertible {
  let isJoin: Bool
  /// The user, or the id of an anonymous connection.
  let name: String
  let count: Int

  /// Nil for any other event.
  init?(_ text: String) {
    let read = Array(text.utf8).withUnsafeBytes { bytes -> PresenceChange? in
      guard var members = JSONMembers(bytes) else { return nil }
      let scanner = members.scanner
      var values: [String: String] = [:]
      while case .member(let key, let value) = members.next() {
        guard let name = scanner.string(key) else { return nil }
        values[name] = value.kind == .string ? scanner.string(value.range) : scanner.text(value.range)
      }
      guard let type = values["type"], type == "join" || type == "leave", let user = values["user"],
        let count = values["count"].flatMap({ Int($0) })
      else { return nil }
      return PresenceChange(isJoin: type == "join", name: values["client"] ?? user, count: count)
    }
    guard let read else { return nil }
    self = read
  }

  private init(isJoin: Bool, name: String, count: Int) {
    self.isJoin = isJoin
    self.name = name
    self.count = count
  }

  var description: String { "\(isJoin ? "+" : "-")\(name) \(count)" }
}
