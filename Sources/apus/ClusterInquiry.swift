import JSON
import Redis
import TLS

/// Asks a server of a Cluster who owns which slots: the first of a URL that answers.
struct ClusterInquiry {
  let url: ClusterURL
  let security: TLSContext?
  /// Milliseconds for one connection, and for one answer.
  let timeout: Int64
  /// Told why a server cannot be asked.
  let onFailure: (RedisURL, _ reason: String) -> Void

  /// The server that owns the slot now.
  func owner(ofSlot slot: Int) async throws(Failure) -> RedisURL {
    for server in url.servers {
      switch await slots(server) {
      case .success(let slots):
        guard let owner = slots.owner(ofSlot: slot) else {
          throw Failure("No server owns the slot \(slot): see 'redis-cli --cluster check \(server.address)'.")
        }
        return url.server(at: owner.address)
      case .failure(let failure): onFailure(server, failure.description)
      }
    }
    throw Failure("No server of the Cluster answers.")
  }

  private func slots(_ server: RedisURL) async -> Result<ClusterSlots, Failure> {
    let conversation: RedisConversation
    do {
      conversation = try RedisConversation(server, peer: .clusterServer, security: security, timeout: timeout)
    } catch {
      return .failure(Failure("it cannot be asked: \(error)"))
    }
    defer { conversation.end() }
    if let reason = await conversation.connect() { return .failure(Failure(reason.printable)) }
    return await conversation.clusterSlots(at: server)
  }
}

extension RedisConversation {
  /// The server's answer to `CLUSTER SLOTS`.
  func clusterSlots(at server: RedisURL) async -> Result<ClusterSlots, Failure> {
    guard let address = ServerAddress(server.endpoint) else { return .failure(Failure("it has no address")) }
    let (answer, _) = await ask(RedisCommand("CLUSTER", "SLOTS")) { reply -> Result<ClusterSlots, Failure> in
      if let error = reply.error {
        return .failure(Failure(LinkPeer.clusterServer.advice(on: error).printable))
      }
      guard let slots = ClusterSlots(reply, askedAt: address) else {
        return .failure(Failure("it does not answer CLUSTER SLOTS with a list"))
      }
      return slots.isEmpty ? .failure(Failure("it knows of no server that owns slots")) : .success(slots)
    }
    return answer ?? .failure(Failure("no answer in time"))
  }
}
