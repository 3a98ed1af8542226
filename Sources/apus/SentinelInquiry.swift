import JSON
import Redis
import TLS

/// Asks each of the Sentinels of a URL once where the primary is.
struct SentinelInquiry {
  /// What one of them says.
  struct Reply {
    let sentinel: RedisURL
    let answer: SentinelAnswer
    /// The replicas that it knows of; nil where it does not tell.
    let replicas: Int?
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
      return Reply(sentinel: sentinel, answer: .refused("it cannot be asked: \(error)"), replicas: nil)
    }
    defer { conversation.end() }
    if let reason = await conversation.connect() {
      return Reply(sentinel: sentinel, answer: .refused(reason.printable), replicas: nil)
    }
    let details = Self.fields(await conversation.ask(SentinelAnswer.epochQuestion(url.name)).answer)
    let address = await conversation.ask(SentinelAnswer.addressQuestion(url.name)).answer
    let answer = SentinelAnswer(address, epoch: details["config-epoch"].flatMap { Int($0) })
    return Reply(sentinel: sentinel, answer: answer, replicas: details["num-slaves"].flatMap { Int($0) })
  }

  private static func fields(_ answer: RedisAnswer) -> [String: String] {
    guard case .list(let parts) = answer else { return [:] }
    let texts = parts.map { $0.text ?? "" }
    let pairs = stride(from: 0, to: texts.count - texts.count % 2, by: 2).map { (texts[$0], texts[$0 + 1]) }
    return Dictionary(pairs) { first, _ in first }
  }

  /// Where the primary is by what they say, or why nobody knows.
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

extension SentinelAnswer {
  fileprivate init(_ answer: RedisAnswer, epoch: Int?) {
    switch answer {
    case .nothing: self = .unknownName
    case .refused(let error): self = .refused(LinkPeer.sentinel.advice(on: error))
    case .lost: self = .refused("no answer in time")
    case .list(let parts) where parts.count == 2:
      let address = ServerAddress(host: parts[0].text ?? "", port: parts[1].text ?? "")
      self = address.map { .primary($0, epoch: epoch) } ?? Self.noAddress
    case .text, .integer, .list: self = Self.noAddress
    }
  }
}
