import Cluster
import Model

/// Who is in one channel of a node that stands alone.
struct MemoryRoom {
  private struct Entry {
    var connection: MemberConnection
    let since: Int64
    /// A lost connection whose grace is running.
    var isLeaving = false
  }

  private var entries: [ClientID: Entry] = [:]
  /// Connections of each user.
  private var users: [UserName: Int] = [:]
  private var anonymous = 0

  var isEmpty: Bool { entries.isEmpty }
  /// Users and anonymous connections.
  var count: Int { users.count + anonymous }

  /// Makes a connection a member or brings its info up to date; true when a user, or an anonymous one, has come.
  mutating func join(_ connection: MemberConnection, now: Int64) -> Bool {
    let before = entries.updateValue(
      Entry(connection: connection, since: entries[connection.client]?.since ?? now), forKey: connection.client)
    guard before == nil else { return false }
    guard let user = connection.user else {
      anonymous += 1
      return true
    }
    users[user, default: 0] += 1
    return users[user] == 1
  }

  /// A member's connection was lost; it stays until `leaveIfLost`.
  mutating func lose(_ client: ClientID) {
    entries[client]?.isLeaving = true
  }

  /// Ends a membership whose connection was lost and has not been entered again; as `leave`.
  mutating func leaveIfLost(_ client: ClientID) -> MemberConnection? {
    entries[client]?.isLeaving == true ? leave(client) : nil
  }

  /// Ends a membership; who has gone with it, or nil when the user still has another connection here.
  mutating func leave(_ client: ClientID) -> MemberConnection? {
    guard let gone = entries.removeValue(forKey: client)?.connection else { return nil }
    guard let user = gone.user else {
      anonymous -= 1
      return gone
    }
    let left = (users[user] ?? 1) - 1
    users[user] = left == 0 ? nil : left
    return left == 0 ? gone : nil
  }

  /// Some of the connections, in order of their ids; the cursor is the id of the last one told.
  func page(after cursor: String?, limit: Int) -> PresencePage {
    let clients = entries.keys.filter { $0.string > cursor ?? "" }.sorted { $0.string < $1.string }
    let shown = clients.prefix(limit).compactMap { client in
      entries[client].map { PresencePage.Entry($0.connection, node: "", since: $0.since) }
    }
    return PresencePage(
      entries: shown, count: count, cursor: clients.count > limit ? shown.last?.connection.client.string : nil)
  }

  /// Who is here; the count alone where they are too many, or an answer with them had more than `maxBytes`.
  func roster(maxBytes: Int = Roster.maxBytes) -> Roster {
    guard entries.count <= Roster.maxConnections else { return .truncated(count: count) }
    var builder = RosterBuilder()
    for (client, entry) in entries {
      builder.add(client: client, user: entry.connection.user, info: entry.connection.info, since: entry.since)
    }
    return builder.roster(maxBytes: maxBytes)
  }
}
