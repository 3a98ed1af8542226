import JSON
import Redis

/// What `apus check` says of Sentinels, and of the primary they name.
struct SentinelCheck {
  let inquiry: SentinelInquiry

  /// The findings, and where the primary is if that is known.
  func run() async -> (findings: [Finding], primary: RedisURL?, replicas: Int) {
    let replies = await inquiry.ask()
    switch inquiry.primary(by: replies) {
    case .failure(let failure):
      return (replies.map { finding($0, nil) } + [.error(failure.description)], nil, 0)
    case .success(let address):
      let replicas = replies.compactMap { $0.names(address) ? $0.replicas : nil }.max() ?? 0
      let findings = replies.map { finding($0, address) } + [Self.finding(replicas, at: address)]
      return (findings, inquiry.url.primary(at: address), replicas)
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

  private static func finding(_ replicas: Int, at address: ServerAddress) -> Finding {
    switch replicas {
    case 0: .warning("the primary is \(address), without a replica: nothing takes over when it fails")
    case 1: .ok("the primary is \(address), with 1 replica")
    default: .ok("the primary is \(address), with \(replicas) replicas")
    }
  }

  /// What the primary refuses while its replicas are away. `answer` is that to CONFIG GET.
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

extension SentinelInquiry.Reply {
  func names(_ primary: ServerAddress) -> Bool {
    if case .primary(primary, _) = answer { true } else { false }
  }
}
