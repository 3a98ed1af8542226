import Model

/// The number of a keyspace: one Redis among several, from 0, in the order in which they are configured.
package typealias KeyspaceIndex = Int

/// Which keyspace a name belongs to. All nodes of a cluster, and other programs, come to the same number.
///
/// FNV-1a of the name's UTF-8 (64 bits), and the jump consistent hash over so many keyspaces (Lamping and Veach, 2014): with
/// one keyspace more, as the last, one name in so many moves there, and no other moves at all.
package struct KeyspaceMap: Equatable, Sendable {
  package static let one = KeyspaceMap(count: 1)

  /// How many keyspaces there are, at least one.
  package let count: Int

  package init(count: Int) {
    self.count = max(1, count)
  }

  /// The keyspace of a channel, with all that belongs to it.
  package func index(of channel: ChannelName) -> KeyspaceIndex {
    count == 1 ? 0 : index(ofName: channel.string)
  }

  /// The keyspace in which it stands where a user is connected.
  package func index(of user: UserName) -> KeyspaceIndex {
    count == 1 ? 0 : index(ofName: user.string)
  }

  /// The keyspace in which a connection is written down: that of its user, or of the connection itself where it has none.
  package func index(of user: UserName?, _ client: ClientID) -> KeyspaceIndex {
    count == 1 ? 0 : index(ofName: user?.string ?? client.string)
  }

  /// The keyspace of a name of any kind.
  package func index(ofName name: String) -> KeyspaceIndex {
    Self.jump(Self.hash(name), count)
  }

  /// FNV-1a, 64 bits, of the name's UTF-8.
  package static func hash(_ name: String) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 {
      hash ^= UInt64(byte)
      hash &*= 0x100_0000_01b3
    }
    return hash
  }

  private static func jump(_ hash: UInt64, _ count: Int) -> Int {
    var (key, place, next) = (hash, 0, 0)
    while next < count {
      place = next
      key = key &* 2_862_933_555_777_941_757 &+ 1
      next = Int(Double(place + 1) * (Double(1 << 31) / Double((key >> 33) + 1)))
    }
    return place
  }
}
