import Hub
import Locks
import Model
import Reactor

/// Why no further stream is opened.
package enum StreamDenial: Error, Equatable, Sendable {
  /// The node has as many connections as it may have.
  case full
  /// The client's address has as many as it may have.
  case tooMany
  /// The client's address connects too often: to be tried again after so many seconds.
  case tooFast(retryAfter: Int)
}

/// Streams and single requests of clients that have no WebSocket.
extension Server {
  /// Whose token it is; `unavailable` where too many wait to be verified, and nil where this node verifies none.
  package func verify(_ token: String) async -> Result<Identity, Refusal>? {
    guard let authenticator else { return nil }
    return await withCheckedContinuation { continuation in
      let isAsked = authenticator.verify(token) { continuation.resume(returning: $0) }
      if !isAsked {
        continuation.resume(
          returning: .failure(Refusal(.unavailable, "Too many tokens wait to be verified; try again.")))
      }
    }
  }

  /// Counts a stream among the connections of the node and of its client's address; it is counted out when it ends, or by
  /// `release` where it is not opened.
  package func admitStream(from address: IPAddress?) throws(StreamDenial) {
    guard connectionCounter.enter() else {
      connectionCounter.leave()
      throw .full
    }
    switch addressLimits.enter(address, now: Sys.monotonicMicroseconds() / 1000) {
    case .admitted: return
    case .tooMany:
      connectionCounter.leave()
      throw .tooMany
    case .tooFast(let delay):
      connectionCounter.leave()
      throw .tooFast(retryAfter: delay)
    }
  }

  package func release(_ address: IPAddress?) {
    connectionCounter.leave()
    addressLimits.leave(address)
  }

  /// The loops in turns.
  private var nextWorker: LoopBound<Worker> {
    let number = nextLoop.withLock { number in
      defer { number &+= 1 }
      return number
    }
    return workers[Int(number % UInt(workers.count))]
  }

  /// Does the commands of a request, and gives one answer for each, in their order; nil where the node has too many to do.
  package func run(_ batch: CommandBatch) async -> [String]? {
    await withCheckedContinuation { continuation in
      let isTaken = nextWorker.execute { $0.run(batch) { continuation.resume(returning: $0) } }
      if !isTaken { continuation.resume(returning: nil) }
    }
  }

  /// Takes the worth of so many commands from the rate of a user, or of an address; returns why not where there is too
  /// little.
  package func takeRate(of identity: Identity?, _ address: IPAddress?, commands: Int) -> Refusal? {
    let key = identity?.user ?? address.flatMap { UserName($0.limitKey.description) }
    guard rates.limit.rate > 0, let key else { return nil }
    let table = identity == nil ? rates.addresses : rates.users
    let now = Sys.monotonicMicroseconds() / 1000
    let bucket = table.acquire(key, now: now)
    defer { table.release(key, now: now) }
    for _ in 0..<commands {
      switch bucket.take(rates.limit, now: now) {
      case .allowed: continue
      case .limited(let delay):
        return Refusal(.rateLimited, "Too many polls: they count as commands.", retryAfter: delay)
      case .exhausted: return Refusal(.rateLimited, "Too many polls: they count as commands.", retryAfter: 1000)
      }
    }
    return nil
  }

  /// Waits for something to tell; nil where the node has too many who wait.
  package func run(_ poll: PollOpening) async -> PollAnswer? {
    await withCheckedContinuation { continuation in
      let isTaken = nextWorker.execute { $0.run(poll) { continuation.resume(returning: $0) } }
      if !isTaken { continuation.resume(returning: nil) }
    }
  }

  /// The id of this node as it is now.
  package func nodeID() async -> NodeID? { await workers.first?.ask { $0.node } }

  /// Opens a stream that was admitted, on one loop after the other.
  package func open(_ stream: StreamOpening) {
    let isTaken = nextWorker.execute { $0.open(stream) }
    if !isTaken {
      stream.connection.close()
      release(stream.address)
    }
  }
}
