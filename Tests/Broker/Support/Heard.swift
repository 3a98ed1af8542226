import Broker
import Model

/// One event a loop has heard from its broker, in a form that tests compare.
enum Heard: Equatable, Sendable {
  case message(ChannelName, ExactString, excluding: ClientID?)
  /// A message that has its place in a history.
  case kept(ChannelName, ExactString, StreamPosition)
  case gap(ChannelName, StreamPosition)
  case presence(ChannelName, ExactString, excluding: ClientID?)
  case attached(ChannelName)
  case subscriptionsLost
  case link(LinkState)
  case identity(NodeID)
  case published(SessionID, ChannelName, RequestID?, ErrorCode?)
  case history([SessionID], ChannelName, HistoryAnswer)
  case roster([Asker], ChannelName, RosterAnswer)
  case register(Registrants)
  case announce(from: UInt32)
  case addressed(Addressee, ExactString)
  case sent(SessionID, RequestID?, SendAnswer)

  init(_ event: BrokerEvent) {
    switch event {
    case .deliver(let channel, let frame, let mark, let audience, let excluded, since: _):
      let text = ExactString(frame.withPayload { String(decoding: $0, as: UTF8.self) })
      switch (audience, mark) {
      case (.listeners, .none), (.listeners, .fleeting): self = .message(channel, text, excluding: excluded)
      case (.listeners, .message(let position)): self = .kept(channel, text, position)
      case (.listeners, .gap(let position)): self = .gap(channel, position)
      case (.watchers, _): self = .presence(channel, text, excluding: excluded)
      }
    case .attached(let channel): self = .attached(channel)
    case .subscriptionsLost: self = .subscriptionsLost
    case .link(let state): self = .link(state)
    case .identity(let id): self = .identity(id)
    case .published(let session, let channel, _, let id, let result):
      switch result {
      case .success: self = .published(session, channel, id, nil)
      case .failure(let refusal): self = .published(session, channel, id, refusal.code)
      }
    case .history(let channel, let readers, let result):
      self = .history(readers.map(\.session), channel, HistoryAnswer(result))
    case .roster(let channel, let askers, let result): self = .roster(askers, channel, RosterAnswer(result))
    case .register(let registrants): self = .register(registrants)
    case .announce(let slot): self = .announce(from: slot)
    case .addressed(let addressee, let frame, since: _):
      self = .addressed(addressee, ExactString(frame.withPayload { String(decoding: $0, as: UTF8.self) }))
    case .sent(let session, let id, let result): self = .sent(session, id, SendAnswer(result))
    }
  }
}

/// What became of something for a user.
enum SendAnswer: Equatable, Sendable {
  case online, offline
  case refused(ErrorCode)

  init(_ result: Result<Bool, Refusal>) {
    switch result {
    case .success(let online): self = online ? .online : .offline
    case .failure(let refusal): self = .refused(refusal.code)
    }
  }
}

/// What a history holds, or why that was not told.
struct HistoryAnswer: Equatable, Sendable {
  var top: StreamPosition?
  /// The offsets of what is held.
  var offsets: [Int] = []
  var isComplete = false
  var refusal: ErrorCode?

  init(_ result: Result<HistoryRead, Refusal>) {
    switch result {
    case .success(let read):
      top = read.top
      offsets = read.entries.map(\.offset)
      isComplete = read.isComplete
    case .failure(let refusal): self.refusal = refusal.code
    }
  }
}

/// Who is in a channel, or why that was not told.
enum RosterAnswer: Equatable, Sendable {
  case roster(Roster)
  case refused(ErrorCode)

  init(_ result: Result<Roster, Refusal>) {
    switch result {
    case .success(let roster): self = .roster(roster)
    case .failure(let refusal): self = .refused(refusal.code)
    }
  }

  var roster: Roster? {
    if case .roster(let roster) = self { roster } else { nil }
  }

  /// `alice 2, bob 1`: users, or ids of anonymous connections, with how many connections each has, sorted.
  var summary: String {
    switch self {
    case .roster(let roster):
      (roster.members ?? []).map { "\($0.user?.string ?? $0.client?.string ?? "?") \($0.clients)" }
        .sorted().joined(separator: ", ")
    case .refused(let code): "refused: \(code)"
    }
  }
}
