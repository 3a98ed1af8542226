import Cluster
import Redis

/// The position of a Redis in the list, which all nodes must have alike: a name is looked for in one of them alone.
///
/// `1 of 4` for `redis-1` and, where there are several, a digest of the whole list.
package struct Layout: Equatable {
  /// The text in Redis.
  package let text: String
  /// The texts that this Redis had in shorter lists which this one continues.
  let shorter: [String]
  private let position: String

  /// Of a partition, which each node finds by the Cluster itself.
  static let ofPartition = Layout(text: "", shorter: [], position: "")

  private init(text: String, shorter: [String], position: String) {
    (self.text, self.shorter, self.position) = (text, shorter, position)
  }

  package init(_ index: KeyspaceIndex, of urls: [RedisTarget]) {
    position = "\(index) of \(urls.count)"
    text = Self.text(index, of: urls[...])
    shorter = (index + 1..<urls.count).map { Self.text(index, of: urls[..<$0]) }
  }

  private static func text(_ index: KeyspaceIndex, of urls: ArraySlice<RedisTarget>) -> String {
    let position = "\(index) of \(urls.count)"
    guard urls.count > 1 else { return position }
    let digest = KeyspaceMap.hash(urls.map(\.layoutEntry).joined(separator: ","))
    return "\(position) \(String(digest, radix: 16))"
  }

  /// Why a Redis cannot be used that other nodes use as `other`.
  package func refusal(_ other: String) -> String {
    let theirs = other.split(separator: " ").prefix(3).joined(separator: " ")
    return theirs == position
      ? "in use with another list of Redis: all nodes need the same, in the same order"
      : "in use as \(theirs), here it is \(position): all nodes need the same list of Redis"
  }
}
