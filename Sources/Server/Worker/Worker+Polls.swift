import Hub
import Model
import Protocol
import Reactor

/// Polls: their client is in the hub, and in its channels, until there is something to tell or the time is over.
extension Worker {
  /// Polls that wait at a time on one loop.
  private static var maxPolls: Int { 8192 }

  /// `answer` is called once, now or later; with nil where the loop has too many.
  func run(_ opening: PollOpening, answer: @escaping @Sendable (PollAnswer?) -> Void) {
    guard delivery.polls.count < Self.maxPolls, !drain.hasBegun else { return answer(nil) }
    let slot = connections.insert(fd: -1)
    let connection = connections[slot]
    connection.pointee.phase = .open
    connection.pointee.endpoint = .poll
    connection.pointee.encoding.framing = .text
    delivery.polls[slot] = OpenPoll(limit: opening.limit) { answer($0) }
    delivery.streams[slot] = OpenStream(place: nil, positions: StreamPositions(opening.channels))
    hub.openGuest(
      connections.id(slot), client: .random(using: &random), author: opening.author, identity: opening.identity,
      bucket: nil, now: loop.now, wall: Sys.wallMilliseconds())
    connection.pointee.isInHub = true
    // Not beyond the token.
    let left = opening.identity?.deadline.map { $0 - Sys.wallMilliseconds() } ?? .max
    schedule(slot, after: min(opening.wait, max(0, left)))
    let session = connections.id(slot)
    let bound = LoopBound(self, on: loop)
    opening.cancellation.set {
      bound.execute { worker in if worker.connections.contains(session) { worker.end(slot) } }
    }
    for channel in opening.channels {
      let options = SubscribeOptions(channel.mode == .none ? .none : .watch, since: channel.since)
      hub.subscribe(connections.id(slot), to: channel.name, options, request: nil)
    }
    performActions()
  }

  /// What a poll is told of its channels: only what its client does not know.
  func tellPoll(_ reply: Reply, _ slot: UInt32) {
    switch reply {
    case .subscribed(_, let channel, let stream?, _, _) where stream.isRecovered == false:
      delivery.send(reply, to: slot)
      delivery.move(slot, channel, to: stream.position)
    case .error(let refusal):
      statistics.errors[refusal.code.rawValue, default: 0] += 1
      delivery.send(reply, to: slot)
    default: break
    }
  }

  /// There is something to tell; what the same turn brings goes along.
  func hasEvents(_ slot: UInt32) {
    let session = connections.id(slot)
    loop.atNextTurn { [unowned self] in
      if connections.contains(session) { end(slot) }
    }
  }

  /// A poll is over, with whatever is there.
  func finishPoll(_ slot: UInt32) {
    guard let poll = delivery.polls.removeValue(forKey: slot), let positions = delivery.streams[slot]?.positions else {
      return
    }
    poll.answer(PollAnswer(events: poll.events, positions: positions))
  }
}
