import Cluster
import Model

/// Asks the nodes, once where several ask the same within 250 ms.
actor SharedSurveys {
  private static let lifetime = Duration.milliseconds(250)

  private typealias Asked = Task<Result<Survey, Refusal>, Never>

  private let ask: @Sendable ([UInt8]) async -> Result<Survey, Refusal>
  private var recent: [[UInt8]: (since: ContinuousClock.Instant, survey: Asked)] = [:]

  init(_ ask: @escaping @Sendable ([UInt8]) async -> Result<Survey, Refusal>) {
    self.ask = ask
  }

  func ask(_ question: NodeQuestion) async -> Result<Survey, Refusal> {
    let text = question.text
    guard question.isRead else { return await ask(text) }
    let now = ContinuousClock.now
    recent = recent.filter { now - $0.value.since < Self.lifetime }
    if let asked = recent[text] { return await asked.survey.value }
    let survey = Asked { [ask] in await ask(text) }
    recent[text] = (now, survey)
    return await survey.value
  }
}
