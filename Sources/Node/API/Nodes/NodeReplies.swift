import Cluster
import JSON
import Model

/// What the nodes have answered, read.
struct NodeReplies: Sendable {
  /// A node's id, and the object that it has told.
  private(set) var objects: [(node: String, JSONObject)] = []
  /// Live nodes that have told nothing.
  let silent: [Survey.Silent]
  /// Who has told nothing: the ids of silent nodes, and the Redis that were away.
  let missing: [String]
  /// Those, and the ids of nodes that have not told all.
  private(set) var partial: [String]

  init(_ survey: Survey) {
    silent = survey.silent
    missing = survey.silent.map(\.node) + survey.away
    partial = missing
    for reply in survey.replies.sorted(by: { $0.node < $1.node }) {
      // As nodes write it, so that members can be put before its own.
      guard reply.text.starts(with: Array(#"{""#.utf8)), let text = String(validating: reply.text, as: UTF8.self),
        let object = JSONObject(text)
      else {
        partial.append(reply.node)
        continue
      }
      objects.append((reply.node, object))
      if object.isTrue("cut") { partial.append(reply.node) }
    }
    partial.sort()
  }

  /// The pages of channels that they are; one that is none makes the whole partial.
  mutating func pages() -> [ChannelPage] {
    var pages: [ChannelPage] = []
    for (node, object) in objects {
      if let page = ChannelPage(object) { pages.append(page) } else { partial.append(node) }
    }
    partial.sort()
    return pages
  }

  /// The largest number that is believed: of a thousand of them the sum is still one.
  static let maxNumber = 1 << 50

  /// The sum of what the nodes say under a name.
  func sum(_ name: String) -> Int {
    objects.reduce(0) { $0 + min(max($1.1.integer(name) ?? 0, 0), Self.maxNumber) }
  }

  /// As `sum`, of numbers that are none of whole.
  func rate(_ name: String) -> Double { objects.reduce(0) { $0 + ($1.1.number(name) ?? 0) } }
}

extension ByteWriter {
  /// The member `partial`, where something is missing.
  mutating func append(partial: [String]) {
    guard !partial.isEmpty else { return }
    append(key: "partial")
    append(list: partial) { $1.append(quoting: $0) }
  }
}
