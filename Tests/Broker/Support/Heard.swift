import Cluster
import Model
import TestSupport

/// One event a loop has heard from its broker, in a form that tests compare.
enum Heard: Equatable, Sendable {
  case message(ChannelName, ExactString, excluding: ClientID?)
  /// A message that has its place in a history.
  case kept(ChannelName, ExactString, StreamPosition)
  case gap(ChannelName, StreamPosition)
  case presence(ChannelName, ExactString, excluding: ClientID?)
  case attached(ChannelName)
  case subscriptionsLost
  case link(KeyspaceIndex, LinkState)
  case identity(NodeID)
  case answer([Asker], HeardAnswer)
  case register(KeyspaceIndex, ReportedConnections)
  case reportConnections(KeyspaceIndex, from: UInt32)
  case addressed(Addressee, ExactString)

  init(_ event: BrokerEvent) {
    switch event {
    case .deliver(let channel, let event, since: _):
      let text = ExactString(event.text.string)
      switch (event.kind, event.position) {
      case (.presence, _): self = .presence(channel, text, excluding: event.excluded)
      case (.gap, let position?): self = .gap(channel, position)
      case (_, let position?): self = .kept(channel, text, position)
      case (_, nil): self = .message(channel, text, excluding: event.excluded)
      }
    case .attached(let channel): self = .attached(channel)
    case .subscriptionsLost: self = .subscriptionsLost
    case .link(let keyspace, let state): self = .link(keyspace, state)
    case .nodeRenamed(let id): self = .identity(id)
    case .answer(let asker, let result): self = .answer([asker], HeardAnswer(result))
    case .answers(let askers, let result): self = .answer(askers, HeardAnswer(result))
    case .register(let keyspace, let registrants): self = .register(keyspace, registrants)
    case .reportConnections(let keyspace, let slot): self = .reportConnections(keyspace, from: slot)
    case .addressed(let addressee, let text, since: _): self = .addressed(addressee, ExactString(text.string))
    }
  }
}

/// What a question was answered.
enum HeardAnswer: Equatable, Sendable {
  case published(PublishReceipt)
  case history(HistoryAnswer)
  case presence(Roster)
  case sent(isOnline: Bool)
  case counts([Int?])
  case connections(PresencePage)
  case cleared(StreamPosition)
  case surveyed(SurveyAnswer)
  case refused(ErrorCode)

  init(_ result: Result<Answer, Refusal>) {
    switch result {
    case .success(.published(_, _, let receipt)): self = .published(receipt)
    case .success(.history(_, let read)): self = .history(HistoryAnswer(.success(read)))
    case .success(.presence(_, let roster)): self = .presence(roster)
    case .success(.sent(let isOnline)): self = .sent(isOnline: isOnline)
    case .success(.counts(let counts)): self = .counts(counts)
    case .success(.connections(let page)): self = .connections(page)
    case .success(.cleared(let position)): self = .cleared(position)
    case .success(.surveyed(let survey)): self = .surveyed(SurveyAnswer(survey))
    case .failure(let refusal): self = .refused(refusal.code)
    }
  }

  var refusal: ErrorCode? { if case .refused(let code) = self { code } else { nil } }
}

/// What the nodes have answered.
struct SurveyAnswer: Equatable, Sendable {
  /// By the ids of nodes; `?` behind the id of one that is there twice.
  var replies: [String: String] = [:]
  /// The ids of nodes, sorted.
  var silent: [String]
  /// The names of Redis that were away.
  var away: [String]
  /// How long ago they had renewed their leases.
  var leaseAges: [Int64]

  init(_ survey: Survey) {
    for reply in survey.replies {
      let isTwice = replies[reply.node] != nil
      replies[reply.node + (isTwice ? "?" : "")] = String(decoding: reply.text, as: UTF8.self)
    }
    silent = survey.silent.map(\.node).sorted()
    away = survey.away
    leaseAges = survey.silent.map(\.leaseAge)
  }
}

/// What became of something for a user.
enum SendAnswer: Equatable, Sendable {
  case online, offline
  case refused(ErrorCode)

  init?(_ answer: HeardAnswer) {
    switch answer {
    case .sent(let isOnline): self = isOnline ? .online : .offline
    case .refused(let code): self = .refused(code)
    case .published, .history, .presence, .counts, .connections, .cleared, .surveyed: return nil
    }
  }
}

/// What a history holds, or why that was not told.
struct HistoryAnswer: Equatable, Sendable {
  var latest: StreamPosition?
  /// The offsets of what is held.
  var offsets: [Int] = []
  var isComplete = false
  var isReset = false
  var refusal: ErrorCode?

  init(_ result: Result<HistoryRead, Refusal>) {
    switch result {
    case .success(let read):
      latest = read.latest
      offsets = read.entries.map(\.offset)
      isComplete = read.isComplete
      isReset = read.isReset
    case .failure(let refusal): self.refusal = refusal.code
    }
  }

  init?(_ answer: HeardAnswer) {
    switch answer {
    case .history(let answer): self = answer
    case .refused(let code): refusal = code
    case .published, .presence, .sent, .counts, .connections, .cleared, .surveyed: return nil
    }
  }
}

/// Who is in a channel, or why that was not told.
enum RosterAnswer: Equatable, Sendable {
  case roster(Roster)
  case refused(ErrorCode)

  init?(_ answer: HeardAnswer) {
    switch answer {
    case .presence(let roster): self = .roster(roster)
    case .refused(let code): self = .refused(code)
    case .published, .history, .sent, .counts, .connections, .cleared, .surveyed: return nil
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
