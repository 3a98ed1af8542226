import Cluster
import Redis

/// Which of how many Redis one is, as all nodes must have it: a name is looked for in one of them alone.
///
/// `1 of 4` and, where there are several, a digest of the whole list.
struct Layout: Equatable {
  /// What stands in Redis.
  let text: String
  private let position: String

  init(_ index: KeyspaceIndex, of urls: [RedisURL]) {
    position = "\(index + 1) of \(urls.count)"
    guard urls.count > 1 else {
      text = position
      return
    }
    let digest = KeyspaceMap.hash(urls.map(\.place).joined(separator: ","))
    text = "\(position) \(String(digest, radix: 16))"
  }

  /// Why a Redis cannot be used that other nodes use as `other`.
  func refusal(_ other: String) -> String {
    let theirs = other.split(separator: " ").prefix(3).joined(separator: " ")
    return theirs == position
      ? "in use with another list of Redis: all nodes need the same, in the same order"
      : "in use as \(theirs), here it is \(position): all nodes need the same list of Redis"
  }
}
