import Model
import Redis

/// One run of a script: what it works on and what it is told.
struct ScriptCall {
  let script: Script
  let keys: [String]
  let arguments: [ScriptArgument]
}

extension ScriptRunner {
  /// Runs a script as `run(_:keys:_:answer:)` does.
  func run(_ call: ScriptCall, answer: @escaping (RedisLink.Outcome) -> Void) -> Bool {
    run(call.script, keys: call.keys, call.arguments, answer: answer)
  }
}

/// A run of Redis: from its start, or from its becoming the primary, to its end.
struct RedisRun: Equatable {
  /// `run_id` as INFO tells it, or what `identify` has made of it.
  var name: String
  /// `master_replid`, which changes whenever a replica becomes the primary, and at times besides.
  var replicationID: String
  /// `master_replid2`: that of the primary it was a replica of before; empty where it never was one.
  var previousReplicationID = ""
}

/// A server by what INFO tells of it: another one after each start, and after it has become the primary.
struct ServerIdentity: Equatable {
  let runID: String
  let replicationID: String
}

/// Makes the calls of the scripts `publish`, `read`, `clear`, `identify` and `doubt`.
///
/// `newSeed` of each is something random, never the same twice: epochs come of it where Redis has no seed.
struct StreamScripts {
  let keys: RedisKeys
  /// The run of Redis as the node knows it.
  let run: RedisRun

  /// Gives a draft its place and publishes it; nil for what is finished, which needs no script, and for a signal.
  ///
  /// `HistoryReply.receipt` reads the answer.
  func publish(_ publication: Publication, newSeed: @autoclosure () -> String) -> ScriptCall? {
    guard case .draft(let head, let tail) = publication.event else { return nil }
    let kind: ScriptArgument
    switch publication.kind {
    case .message: kind = "m"
    case .binary: kind = "b"
    case .signal: return nil
    }
    let channel = publication.channel
    return ScriptCall(
      script: .publish,
      keys: [keys.meta(channel), keys.history(channel), keys.run]
        + (publication.key.map { [keys.idempotency($0, in: channel)] } ?? []),
      arguments: [
        .text(run.name), .text(run.replicationID), .text(newSeed()), .number(publication.history?.size ?? 0),
        .number(Int(publication.history?.timeToLive ?? 0)), .text(keys.messages(channel)), kind, .bytes(head),
        .bytes(tail), .text(publication.excluded?.string ?? "-"), .number(Int(IdempotencyTable.lifetime)),
      ])
  }

  /// Asks a channel's history; the next message follows what is answered. `HistoryReply.read` reads the answer.
  func read(
    _ channel: ChannelName, _ query: HistoryQuery, newSeed: String, maxBytes: Int = HistoryRead.maxBytes,
    maxEntries: Int = .max
  ) -> ScriptCall {
    ScriptCall(
      script: .read, keys: [keys.meta(channel), keys.history(channel), keys.run],
      arguments: [
        .text(run.name), .text(run.replicationID), .text(newSeed), .number(maxBytes), .number(maxEntries),
      ] + arguments(of: query))
  }

  /// Throws away a channel's history; the answer is its new epoch.
  func clear(_ channel: ChannelName, newSeed: String) -> ScriptCall {
    ScriptCall(
      script: .clear, keys: [keys.meta(channel), keys.history(channel), keys.run],
      arguments: [
        .text(run.name), .text(run.replicationID), .text(newSeed), .text(keys.messages(channel)),
      ])
  }

  /// Asks under what name the run goes that INFO tells of; the answer is the name, 1 where Redis does not know of everybody
  /// who is connected, and the era of the list. `previousRun` is the one that the node was joined to before, if any, and
  /// `lostLease` whether it has found its lease gone; `era` is the latest that was heard; `kept` the milliseconds since
  /// that run has last confirmed that it keeps a message.
  ///
  /// In a Cluster `voucher` is the server that was seen in the slot before. The name is empty where it is not the one on
  /// record, and the node is to ask again; with `isOverdue` another run begins.
  func identify(
    newSeed: String, previousRun: String? = nil, lostLease: Bool = false, layout: Layout, era: Int, kept: Int64? = nil,
    voucher: ServerIdentity? = nil, isOverdue: Bool = false
  ) -> ScriptCall {
    ScriptCall(
      script: .identify, keys: [keys.run, keys.layout],
      arguments: [
        .text(run.name), .text(run.replicationID), .text(run.previousReplicationID), .text(newSeed),
        .text(previousRun ?? ""), lostLease ? "1" : "0", .text(layout.text), .number(Int(Lease.duration)),
        .number(era), kept.map { .number(Int($0)) } ?? "",
        .text(voucher.map { "\($0.runID) \($0.replicationID)" } ?? ""), isOverdue ? "1" : "0",
      ] + layout.shorter.map { .text($0) })
  }

  /// Has the run stand in Redis again where it does not; `isEntering` while the node writes down who is connected.
  func doubt(newSeed: String, isEntering: Bool) -> ScriptCall {
    ScriptCall(
      script: .doubt, keys: [keys.run],
      arguments: [.text(run.name), .text(run.replicationID), .text(newSeed), isEntering ? "1" : "0"])
  }

  private func arguments(of query: HistoryQuery) -> [ScriptArgument] {
    switch query {
    case .position: ["newest", "0"]
    case .newest(let count): ["newest", .number(max(0, count))]
    case .recover(let since): ["recover", .number(HistoryRead.maxRecovered)] + arguments(of: since)
    case .after(let since, let limit): ["after", .number(max(0, limit))] + arguments(of: since)
    }
  }

  private func arguments(of since: Since) -> [ScriptArgument] {
    switch since {
    case .position(let position): [.number(position.offset), .text(position.epoch)]
    case .time(let time): [.number(Int(time))]
    }
  }
}

extension ScriptArgument {
  /// The number in decimal.
  fileprivate static func number(_ number: Int) -> ScriptArgument { .text(String(number)) }
}
