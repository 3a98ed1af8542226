import Redis

/// The map of slots as a server tells it, and how the Cluster stands by its account.
struct ClusterAnswer {
  struct Failure: Error {
    let reason: String
  }

  let slots: ClusterSlots
  let state: ClusterState

  /// Asks a server by a link that is connected; `answer` is called once.
  static func ask(
    by link: RedisLink, at address: ServerAddress, then answer: @escaping (Result<ClusterAnswer, Failure>) -> Void
  ) {
    var state: ClusterState?
    let isAsked =
      link.send(RedisCommand("CLUSTER", "INFO")) { outcome in
        if case .reply(let reply) = outcome, reply.error == nil { state = ClusterState(reply.string) }
      }
      && link.send(RedisCommand("CLUSTER", "SLOTS")) { outcome in
        guard case .reply(let reply) = outcome else { return answer(.failure(Failure(reason: "no answer"))) }
        if let error = reply.error {
          return answer(.failure(Failure(reason: LinkPeer.clusterServer.advice(on: error))))
        }
        guard let state, let slots = ClusterSlots(reply, askedAt: address) else {
          return answer(.failure(Failure(reason: "its answers to CLUSTER INFO and CLUSTER SLOTS cannot be read")))
        }
        answer(.success(ClusterAnswer(slots: slots, state: state)))
      }
    if !isAsked { answer(.failure(Failure(reason: "it takes no question now"))) }
  }
}
