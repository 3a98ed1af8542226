import Cluster
import Hub
import JSON
import Locks
import Model
import TestSupport

@testable import Node

/// Nodes that tell of their channels as `NodeRespondent` does, and what a route answers of them.
final class Nodes: Sendable {
  /// By id.
  let censuses: [String: [ChannelSize]]
  /// What some answer instead; nothing for one that is silent.
  let others: [String: [UInt8]?]
  private let asked = Lock<[NodeQuestion]>([])

  init(_ censuses: [String: [ChannelSize]], others: [String: [UInt8]?] = [:]) {
    self.censuses = censuses
    self.others = others
  }

  /// All questions of all surveys.
  var questions: [NodeQuestion] { asked.withLock { $0 } }

  func cluster(rules: ChannelRules = .standard(isOpen: true)) -> ClusterAccess {
    ClusterAccess(maxMessageSize: 1000, rules: { rules }) { [self] questions in questions.map(answer) }
  }

  private func answer(_ question: Question) -> Result<Answer, Refusal> {
    switch question {
    case .survey(let text): .success(.surveyed(survey(text)))
    // As many members as its name has letters.
    case .counts(let channels): .success(.counts(channels.map(\.string.count)))
    case .history(let channel, _):
      .success(.history(channel, HistoryRead(latest: StreamPosition(epoch: "e", offset: 7))))
    case .kept: .success(.counts([5]))
    case .publish, .enter, .presence, .send, .connections, .clear: .failure(Refusal(.internal, "Not asked here."))
    }
  }

  private func survey(_ text: [UInt8]) -> Survey {
    guard let question = NodeQuestion(text) else { return Survey(replies: []) }
    asked.withLock { $0.append(question) }
    let other = others.compactMap { node, text in text.map { Survey.Reply(node: node, text: $0) } }
    let silent = others.filter { $0.value == nil }.map { Survey.Silent(node: $0.key, leaseAge: 300) }
    return Survey(
      replies: censuses.map { Survey.Reply(node: $0.key, text: Self.answer(question, $0.value)) } + other,
      silent: silent)
  }

  static func answer(_ question: NodeQuestion, _ census: [ChannelSize]) -> [UInt8] {
    switch question {
    case .channels(let match, let after, let limit):
      ChannelPage.byName(census, match: match.flatMap(ChannelPattern.init), after: after, limit: limit).text
    case .largestChannels(let match, let limit):
      ChannelPage.largest(census, match: match.flatMap(ChannelPattern.init), limit: limit).text
    case .subscribers(let names):
      ChannelPage(sizes: sizes(of: Set(names.compactMap(ChannelName.init)), census), hasMore: false).text
    case .connections, .disconnect, .put, .take, .statistics, .node: []
    }
  }

  private static func sizes(of names: Set<ChannelName>, _ census: [ChannelSize]) -> [ChannelSize] {
    census.filter { names.contains($0.name) }
  }

  /// What the route of that name answers.
  func respond(
    _ route: String, path: [String: String] = [:], _ query: [String: String] = [:]
  ) async throws -> JSONObject {
    let cluster = cluster()
    let routes =
      ChannelRoutes(cluster: cluster).all + ConnectionRoutes(cluster: cluster).all + NodeRoutes(cluster: cluster).all
    guard case .json(let respond)? = routes.first(where: { $0.name == route })?.answerer else {
      throw Missing(what: route)
    }
    let text = try await respond(RouteRequest(rights: .read, path: path, query: query, body: nil))
    guard let object = JSONObject(text) else { throw Missing(what: "JSON in \(text)") }
    return object
  }

  struct Missing: Error {
    let what: String
  }
}

/// A channel with so many subscribers.
func size(_ name: String, _ subscribers: Int) -> ChannelSize { ChannelSize(channel(name), subscribers: subscribers) }

/// Names and numbers of a page, `a 1`.
func words(_ sizes: [ChannelSize]) -> [String] { sizes.map { "\($0.name) \($0.subscribers)" } }

extension JSONObject {
  /// Names and subscribers of the channels that a route tells, `a 1`.
  var channelWords: [String] {
    (objects("channels") ?? []).map { "\($0.string("name") ?? "?") \($0.integer("subscribers") ?? -1)" }
  }
}
