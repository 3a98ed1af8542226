import JSON
import Redis

/// Findings of `apus check` about Sentinels, and the primary they name.
struct SentinelCheck {
  let inquiry: SentinelInquiry

  /// Fewer cannot agree on a failover while one of them is down.
  private static let fewSentinels = 3

  /// The findings, and where the primary is if that is known.
  func run() async -> (findings: [Finding], primary: RedisURL?) {
    let replies = await inquiry.ask()
    switch inquiry.primary(by: replies) {
    case .failure(let failure):
      return (replies.map { finding($0, nil) } + [.error(failure.description)], nil)
    case .success(let address):
      let findings = replies.map { finding($0, address) } + Self.agreement(replies) + [.ok("the primary is \(address)")]
      return (findings, inquiry.url.primary(at: address))
    }
  }

  private func finding(_ reply: SentinelInquiry.Reply, _ primary: ServerAddress?) -> Finding {
    let place = "the Sentinel \(reply.sentinel.address)"
    switch reply.answer {
    case .primary(let address, _) where address == primary: return .ok("\(place) names \(address)")
    case .primary(let address, _): return .warning("\(place) names another primary: \(address)")
    case .unknownName: return .warning("\(place) knows no primary of the name \(inquiry.url.name.printable)")
    case .refused(let reason): return .warning("\(place) cannot be used: \(reason.printable)")
    }
  }

  /// Whether there are enough Sentinels for a failover. Those that the URL does not name may well be up.
  static func agreement(_ replies: [SentinelInquiry.Reply]) -> [Finding] {
    let named = replies.count
    let all = max(named, replies.compactMap(\.details?.otherSentinels).max().map { $0 + 1 } ?? 0)
    let needed = max(all / 2 + 1, replies.compactMap(\.details?.quorum).max() ?? 0)
    let answering = replies.count { if case .primary = $0.answer { true } else { false } }
    var findings: [Finding] = []
    if all < fewSentinels {
      findings.append(
        .warning(
          "\(all == 1 ? "there is 1 Sentinel" : "there are \(all) Sentinels"): one that is down keeps the others "
            + "from agreeing on another primary; use \(fewSentinels) or more"))
    }
    if answering + all - named < needed {
      findings.append(
        .warning(
          "\(needed) of \(all) Sentinels must agree on another primary, and only \(answering) of \(named) can be "
            + "asked: nothing takes over when the primary fails"))
    }
    return findings
  }

  /// The role of the primary that they name, and whether anything can take its place. `answer` is that to ROLE, which has
  /// the replicas that are in step.
  static func replicas(_ answer: RedisAnswer) -> (count: Int, finding: Finding)? {
    guard case .list(let parts) = answer, parts.first == .text("master"), case .list(let replicas) = parts.last else {
      return nil
    }
    switch replicas.count {
    case 0: return (0, .warning("it is the primary, without a replica: nothing takes over when it fails"))
    case 1: return (1, .ok("it is the primary, with 1 replica"))
    default: return (replicas.count, .ok("it is the primary, with \(replicas.count) replicas"))
    }
  }

  /// Whether the number of replicas fits to what the primary refuses without them. `answer` is that to CONFIG GET.
  static func leastReplicas(_ answer: RedisAnswer, replicas: Int) -> Finding {
    let advice = "min-replicas-to-write 1 and min-replicas-max-lag 10"
    guard let least = ServerFindings.setting(answer).flatMap({ Int($0) }) else {
      return .warning("min-replicas-to-write cannot be read (CONFIG GET): with two replicas or more set \(advice)")
    }
    let text = "min-replicas-to-write is \(least)"
    if least == 0, replicas > 1 {
      return .warning("\(text): an old primary that is cut off takes messages that are lost; set \(advice)")
    }
    if least > 0, replicas <= least {
      return .warning(
        "\(text), of \(replicas): after a failover the new primary refuses writes until the old one is back")
    }
    return .ok(text)
  }
}
