import Cluster
import Model

/// What the routes act on: the cluster by its questions, its nodes by theirs, and the rules as they are now.
struct ClusterAccess: Sendable {
  /// The longest `data` of a message, in bytes.
  let maxMessageSize: Int
  let rules: @Sendable () -> ChannelRules
  private let questions: @Sendable ([Question]) async -> [Result<Answer, Refusal>]
  private let surveys: SharedSurveys

  init(
    maxMessageSize: Int, rules: @escaping @Sendable () -> ChannelRules,
    questions: @escaping @Sendable ([Question]) async -> [Result<Answer, Refusal>]
  ) {
    self.maxMessageSize = maxMessageSize
    self.rules = rules
    self.questions = questions
    surveys = SharedSurveys { text in
      switch await questions([.survey(text)]).first {
      case .success(.surveyed(let survey)): .success(survey)
      case .failure(let refusal): .failure(refusal)
      case .success, nil: .failure(Self.unexpectedAnswer)
      }
    }
  }

  private static let unexpectedAnswer = Refusal(.internal, "The cluster gave an unexpected answer.")
  static let unexpected = RouteError(unexpectedAnswer)

  func ask(_ question: Question) async throws(RouteError) -> Answer {
    switch await questions([question]).first {
    case .success(let answer): return answer
    case .failure(let refusal): throw RouteError(refusal)
    case nil: throw Self.unexpected
    }
  }

  /// Asks several, in order and without waiting for answers in between; others may come between them.
  func ask(_ questions: [Question]) async -> [Result<Answer, Refusal>] {
    await self.questions(questions)
  }

  /// Asks every node about itself.
  func ask(nodes question: NodeQuestion) async throws(RouteError) -> NodeReplies {
    switch await surveys.ask(question) {
    case .success(let survey): return NodeReplies(survey)
    case .failure(let refusal): throw RouteError(refusal)
    }
  }

  /// The rule of a channel that the API may act on: levels do not bind it, but names that belong to the server and channels
  /// that no rule allows are out of its reach, too.
  func rule(for channel: ChannelName) throws(RouteError) -> ChannelRule {
    guard !channel.isReserved else {
      throw RouteError(.forbidden, "Channels whose name begins with $ belong to the server.")
    }
    guard let rule = rules().rule(for: channel) else {
      throw RouteError(.forbidden, "No rule matches the channel \(channel).")
    }
    return rule
  }
}
