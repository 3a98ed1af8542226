import Model
import Protocol

/// Sums single connections up into a roster: one entry for each user, one for each anonymous connection.
///
/// Members stand in the order in which they came; a user's `info` is that of the newest connection that gave one.
struct RosterBuilder {
  private struct Row {
    var member: Member
    var first: Int64
    var informed: Int64
  }

  private enum Key: Hashable {
    case user(UserName)
    case client(ClientID)
  }

  private var rows: [Key: Row] = [:]

  /// Counts a connection in; `since` in milliseconds.
  mutating func add(client: ClientID, user: UserName?, info: String?, since: Int64) {
    let key = user.map { Key.user($0) } ?? .client(client)
    guard var row = rows[key] else {
      let member = Member(user: user, client: user == nil ? client : nil, clients: 1, info: info)
      rows[key] = Row(member: member, first: since, informed: info == nil ? .min : since)
      return
    }
    row.member.clients += 1
    row.first = min(row.first, since)
    if let info, since >= row.informed {
      row.member.info = info
      row.informed = since
    }
    rows[key] = row
  }

  /// The roster; the count alone where no answer with its members may have more than `maxBytes`.
  func roster(maxBytes: Int = Roster.maxBytes) -> Roster {
    let sorted = rows.values.sorted { ($0.first, name($0)) < ($1.first, name($1)) }
    let roster = Roster(members: sorted.map(\.member), count: sorted.count)
    return Interchange.largestAnswer(with: roster) <= maxBytes ? roster : .truncated(count: roster.count)
  }

  private func name(_ row: Row) -> String {
    row.member.user?.string ?? row.member.client?.string ?? ""
  }
}
