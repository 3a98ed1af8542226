import JSON
import Redis
import TLS

/// Asks each of the Sentinels of a URL once where the primary is.
struct SentinelInquiry {
  /// The answers of one of them.
  struct Reply {
    let sentinel: RedisURL
    let answer: SentinelAnswer
    /// Nil where it does not answer.
    let details: SentinelDetails?
  }

  let url: SentinelURL
  let security: TLSContext?
  /// Milliseconds for one connection, and for one answer.
  let timeout: Int64

  /// In the order of the URL.
  func ask() async -> [Reply] {
    await withTaskGroup(of: (Int, Reply).self) { group in
      for (index, sentinel) in url.sentinels.enumerated() {
        group.addTask { (index, await ask(sentinel)) }
      }
      var replies: [(Int, Reply)] = []
      for await reply in group { replies.append(reply) }
      return replies.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  private func ask(_ sentinel: RedisURL) async -> Reply {
    let conversation: RedisConversation
    do {
      conversation = try RedisConversation(sentinel, peer: .sentinel, security: security, timeout: timeout)
    } catch {
      return Reply(sentinel: sentinel, answer: .refused("it cannot be asked: \(error)"), details: nil)
    }
    defer { conversation.end() }
    if let reason = await conversation.connect() {
      return Reply(sentinel: sentinel, answer: .refused(reason.printable), details: nil)
    }
    let details = await conversation.ask(SentinelDetails.question(url.name)) { SentinelDetails($0) }.answer
    let question = SentinelAnswer.addressQuestion(url.name)
    let answer = await conversation.ask(question) { SentinelAnswer($0, epoch: details?.epoch) }.answer
    return Reply(sentinel: sentinel, answer: answer ?? .refused("no answer in time"), details: details)
  }

  /// The address of the primary that is to be believed, or why there is none.
  func primary(by replies: [Reply]) -> Result<ServerAddress, Failure> {
    let answers = replies.map(\.answer)
    if let decision = SentinelAnswer.decide(answers) { return .success(decision.address) }
    return .failure(
      Failure(
        answers.contains(.unknownName)
          ? "No Sentinel knows a primary of the name \(url.name.printable): see 'sentinel monitor' in its configuration."
          : "No Sentinel answers."))
  }
}
