import Cluster
import Hub
import Model
import TestSupport

/// Actions as lines of text, so that a test reads like the conversation it is about.
enum Transcript {
  static func line(_ action: HubAction) -> String {
    switch action {
    case .reply(let session, let reply): "\(session.slot): \(line(reply))"
    case .replay(let session, _, epoch: _, let entries): "\(session.slot): replay \(line(entries))"
    case .deliver(let session, _, let event): "\(session.slot): '\(event.text.string)'"
    case .ask(let asker, let question): line(question, by: asker)
    case .report(let report): line(report)
    case .close(let session, let cause): "close \(session.slot) \(cause)"
    }
  }

  static func line(_ question: Question, by asker: Asker) -> String {
    let (slot, id) = (asker.session.slot, number(asker))
    return switch question {
    case .publish(let publication):
      "\(publication.kind == .signal ? "signal" : "publish") \(slot) \(publication.channel)\(id) "
        + "'\(line(publication.event))'"
        + (publication.excluded.map { " without \($0)" } ?? "")
    case .enter(let connection, let channel, let mode): "enter \(slot) \(channel) \(mode) \(line(connection))"
    case .history(let channel, let query): "read \(slot) \(channel) \(line(query))\(id)"
    case .presence(let channel, let onlyCount): "query \(slot) \(channel)\(id)\(onlyCount ? " count" : "")"
    case .send(let event, to: let addressee): "send \(slot) to \(line(addressee))\(id) '\(line(event))'"
    case .counts, .connections, .kept, .clear, .survey: "not the hub's"
    }
  }

  static func line(_ report: LoopReport) -> String {
    switch report {
    case .attach(let channel): "attach \(channel)"
    case .detach(let channel): "detach \(channel)"
    case .update(let connection, let channel): "update \(channel) \(line(connection))"
    case .leave(let client, let channel, let lost): "leave \(client) \(channel)\(lost ? " lost" : "")"
    case .connected(let connection): "connected \(connection.client) \(connection.user?.string ?? "-")"
    case .disconnected(let client, let user): "disconnected \(client) \(user?.string ?? "-")"
    case .openConnections(_, let connections, next: _):
      "open \(connections.map(\.client.string).joined(separator: ", "))"
    }
  }

  private static func line(_ connection: MemberConnection) -> String {
    "\(connection.client) \(connection.user?.string ?? "-") \(connection.info ?? "-")"
  }

  private static func line(_ addressee: Addressee) -> String {
    switch addressee {
    case .user(let user): user.string
    case .everybody: "everybody"
    }
  }

  private static func line(_ event: DirectEvent) -> String {
    String(decoding: event.data, as: UTF8.self)
  }

  static func line(_ reply: Reply) -> String {
    switch reply {
    case .subscribed(let id, let channel, let stream, let roster, let byServer):
      "subscribed \(byServer ? "by the server " : "")\(channel)\(number(id))\(line(stream))\(line(roster))"
    case .unsubscribed(let id, let channel): "unsubscribed \(channel)\(number(id))"
    case .published(let id, let channel, let receipt):
      "published \(channel)\(number(id))\(receipt.position.map { " \(line($0))" } ?? "")"
        + (receipt.isDuplicate ? " again" : "")
    case .sent(let id, let online): "sent #\(id.json) \(online ? "online" : "offline")"
    case .signalled(let id, let channel): "signalled \(channel)\(number(id))"
    case .history(let id, let channel, let read):
      "history \(channel)\(number(id)) \(line(read.latest)) \(line(read.entries))"
    case .presence(let id, let channel, let roster): "presence \(channel)\(number(id))\(line(roster))"
    case .error(let refusal):
      "error \(refusal.code.rawValue)\(number(refusal.id))"
        // As clients get it: where the error has an id they know it by that.
        + (refusal.id == nil ? refusal.channel.map { " in \($0)" } ?? "" : "")
        + (refusal.retryAfter.map { " retry after \($0)" } ?? "")
    case .authenticated(let id, let identity, warning: _):
      "authenticated \(identity.user)\(number(id))\(identity.expires.map { " until \($0)" } ?? "")"
    case .expiring(let left): "expiring in \(left)"
    case .unsubscribedByServer(let channel): "unsubscribed from \(channel) by the server"
    case .connected, .pong, .response, .rpc, .drain: "not the hub's"
    }
  }

  private static func line(_ event: Publication.Event) -> String {
    switch event {
    case .finished(let text): text.string
    case .draft(let head, let tail): String(decoding: head + tail, as: UTF8.self) + "…"
    }
  }

  private static func line(_ entries: [HistoryEntry]) -> String {
    "[\(entries.map(\.text.string).joined(separator: ", "))]"
  }

  private static func line(_ position: StreamPosition) -> String { "\(position.epoch)/\(position.offset)" }

  private static func line(_ stream: SubscribedStream?) -> String {
    stream.map { " at \(line($0.position))\($0.isRecovered.map { $0 ? " recovered" : " not recovered" } ?? "")" } ?? ""
  }

  private static func line(_ since: Since) -> String {
    switch since {
    case .position(let position): line(position)
    case .time(let time): "\(time)"
    }
  }

  private static func line(_ query: HistoryQuery) -> String {
    switch query {
    case .position: "position"
    case .recover(let since): "since \(line(since))"
    case .newest(let count): "newest \(count)"
    case .after(let since, let limit): "after \(line(since)) at most \(limit)"
    }
  }

  private static func number(_ asker: Asker) -> String {
    switch asker {
    case .subscribe: ""
    case .command(_, let id): number(id)
    }
  }

  private static func number(_ id: RequestID?) -> String {
    id.map { " #\($0.json)" } ?? ""
  }

  private static func line(_ roster: Roster?) -> String {
    guard let roster else { return "" }
    guard let members = roster.members else { return " (\(roster.count))" }
    return " [\(members.map { $0.user?.string ?? $0.client?.string ?? "?" }.joined(separator: ", "))]"
  }
}
