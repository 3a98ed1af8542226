import DequeModule
import Model

/// Memberships of lost connections that end when the grace is over.
///
/// The grace is the same for all, so the queue is in order of time by itself.
struct GraceQueue {
  struct Departure {
    let channel: ChannelName
    let client: ClientID
    let at: Int64
  }

  /// Milliseconds.
  let grace: Int64
  private var departures: Deque<Departure> = []

  init(grace: Int64) {
    self.grace = grace
  }

  var next: Int64? { departures.first?.at }

  mutating func append(_ client: ClientID, _ channel: ChannelName, now: Int64) {
    departures.append(Departure(channel: channel, client: client, at: now + grace))
  }

  /// The first departure whose time has come; nil when there is none.
  mutating func pop(now: Int64) -> Departure? {
    guard let first = departures.first, first.at <= now else { return nil }
    return departures.removeFirst()
  }
}
