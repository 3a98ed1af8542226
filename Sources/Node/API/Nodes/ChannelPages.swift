import Cluster
import HeapModule
import Hub
import JSON
import Model

/// Some of a node's channels as it tells them, or of the cluster's, put together from what the nodes have told.
struct ChannelPage: Equatable, Sendable {
  /// The most bytes of names and numbers that a node tells at once.
  static let maxBytes = 64 << 10

  var sizes: [ChannelSize]
  /// Whether there are more behind the last.
  var hasMore: Bool

  // MARK: On a node

  /// The first channels after a name, in order of their names' bytes.
  static func byName(_ census: [ChannelSize], match: ChannelPattern?, after: String?, limit: Int) -> ChannelPage {
    var first = Heap<ByName>()
    var hasMore = false
    for size in census where after.map({ ByName.precedes($0, size.name.string) }) ?? true {
      guard match?.matches(size.name) ?? true else { continue }
      let candidate = ByName(size: size)
      if first.count < limit {
        first.insert(candidate)
      } else {
        hasMore = true
        if let last = first.max, candidate < last { first.replaceMax(with: candidate) }
      }
    }
    return ChannelPage(sizes: first.unordered.sorted().map(\.size), hasMore: hasMore).cut()
  }

  /// The channels with the most subscribers, those first.
  static func largest(_ census: [ChannelSize], match: ChannelPattern?, limit: Int) -> ChannelPage {
    var largest = Heap<BySubscribers>()
    for size in census where match?.matches(size.name) ?? true {
      let candidate = BySubscribers(size: size)
      if largest.count < limit {
        largest.insert(candidate)
      } else if let last = largest.max, candidate < last {
        largest.replaceMax(with: candidate)
      }
    }
    return ChannelPage(sizes: largest.unordered.sorted().map(\.size), hasMore: false).cut()
  }

  /// As much of it as fits in an answer.
  private func cut() -> ChannelPage {
    let fitting = Self.fitting(sizes)
    return fitting.count == sizes.count ? self : ChannelPage(sizes: Array(fitting), hasMore: true)
  }

  private static func fitting(_ sizes: [ChannelSize]) -> ArraySlice<ChannelSize> {
    var bytes = 0
    return sizes.prefix { size in
      bytes += size.name.string.utf8.count + 16
      return bytes <= maxBytes
    }
  }

  // MARK: Of the cluster

  /// The first `limit` channels of all nodes, of pages by name. A node that has more than it could tell is known up to its
  /// last name only, and so is the whole.
  static func merged(_ pages: [ChannelPage], limit: Int) -> ChannelPage {
    let bound = pages.filter(\.hasMore).compactMap(\.sizes.last?.name.string).min(by: ByName.precedes)
    let all = sum(pages.flatMap(\.sizes)).map(ByName.init).sorted().map(\.size)
    let known = bound.map { bound in Array(all.prefix { !ByName.precedes(bound, $0.name.string) }) } ?? all
    return ChannelPage(sizes: Array(known.prefix(limit)), hasMore: bound != nil || known.count > limit)
  }

  /// The names that may be those with the most subscribers, of what each node has named; as many as fit in a question.
  static func candidates(_ pages: [ChannelPage]) -> [String] {
    fitting(sorted(sum(pages.flatMap(\.sizes)), limit: .max)).map(\.name.string)
  }

  /// The first `limit` of them by subscribers.
  static func sorted(_ sizes: [ChannelSize], limit: Int) -> [ChannelSize] {
    sizes.map(BySubscribers.init).sorted().prefix(limit).map(\.size)
  }

  /// One for each name.
  static func sum(_ sizes: [ChannelSize]) -> [ChannelSize] {
    var counts: [ChannelName: Int] = [:]
    counts.reserveCapacity(sizes.count)
    for size in sizes { counts[size.name, default: 0] += size.subscribers }
    return counts.map { ChannelSize($0.key, subscribers: $0.value) }
  }

  // MARK: Text

  var text: [UInt8] {
    var writer = ByteWriter(capacity: 16 + sizes.count * 32)
    writer.append(literal: #"{"names":"#)
    writer.append(list: sizes) { $1.append(quoting: $0.name.string) }
    writer.append(literal: #","subscribers":"#)
    writer.append(list: sizes) { $1.append($0.subscribers) }
    writer.append(literal: hasMore ? #","more":true}"# : "}")
    return writer.bytes
  }

  /// What another node has told; nil where it makes no sense.
  init?(_ object: JSONObject) {
    guard let names = object.strings("names"), let counts = object.integers("subscribers"), names.count == counts.count
    else { return nil }
    sizes = zip(names, counts).compactMap { name, count in
      ChannelName(name).map { ChannelSize($0, subscribers: min(max(count, 0), 1 << 32)) }
    }
    hasMore = object.isTrue("more")
  }

  init(sizes: [ChannelSize], hasMore: Bool) {
    self.sizes = sizes
    self.hasMore = hasMore
  }
}

/// Channels in the order of their names' bytes, which is the same on every node.
private struct ByName: Comparable {
  let size: ChannelSize

  static func precedes(_ left: String, _ right: String) -> Bool { left.utf8.lexicographicallyPrecedes(right.utf8) }

  static func == (left: ByName, right: ByName) -> Bool { left.size.name == right.size.name }
  static func < (left: ByName, right: ByName) -> Bool { precedes(left.size.name.string, right.size.name.string) }
}

/// Channels with the most subscribers first, and by name where they have as many.
private struct BySubscribers: Comparable {
  let size: ChannelSize

  static func == (left: BySubscribers, right: BySubscribers) -> Bool { left.size == right.size }
  static func < (left: BySubscribers, right: BySubscribers) -> Bool {
    if left.size.subscribers != right.size.subscribers { return left.size.subscribers > right.size.subscribers }
    return ByName.precedes(left.size.name.string, right.size.name.string)
  }
}
