import Cluster
import Model
import Protocol
import Reactor
import Redis
import Testing

@testable import Broker

/// Histories in memory and in Redis that get the same, by the scripts alone; whatever is asked, both must answer the same.
final class HistoryTwin {
  /// What a read has brought, so that it can be compared.
  struct Answer: Equatable {
    struct Entry: Equatable {
      let offset: Int
      let time: Int64
      /// What listeners get.
      let bytes: [UInt8]
      let isBinary: Bool
      let excluded: ClientID?
    }

    let latest: StreamPosition
    let isComplete: Bool
    let entries: [Entry]

    init(_ read: HistoryRead) {
      latest = read.latest
      isComplete = read.isComplete
      entries = read.entries.map {
        Entry(
          offset: $0.offset, time: $0.time, bytes: $0.text.withBytes { Array($0) }, isBinary: $0.isBinary,
          excluded: $0.excluded)
      }
    }

    var offsets: [Int] { entries.map(\.offset) }
  }

  static let rule = HistoryRule(size: 1000, timeToLive: 600_000)

  private let caller: ScriptCaller
  private let probe: RedisProbe
  private var histories: [ChannelName: MemoryHistory] = [:]
  private var keys = IdempotencyTable()
  private var run: RedisRun
  private var seeds = 0
  /// Epochs that are over: none of them may come back.
  private var endedEpochs: Set<String> = []

  init(_ redis: RedisProcess, run: RedisRun = RedisRun(name: "run-1", replicationID: "")) throws {
    self.run = run
    caller = try ScriptCaller(redis)
    probe = try redis.connect()
  }

  private var scripts: StreamScripts { StreamScripts(keys: RedisKeys(prefix: "apus:"), run: run) }

  private func newSeed() -> String {
    seeds += 1
    return "seed\(seeds)"
  }

  /// The history in memory; where there is none it begins under the epoch that Redis has told.
  private func history(of channel: ChannelName, _ epoch: String?, now: Int64) throws -> MemoryHistory {
    if let history = histories[channel] { return history }
    let epoch = try #require(epoch)
    try #require(!endedEpochs.contains(epoch), "an epoch of \(channel) has come back")
    return MemoryHistory(latest: StreamPosition(epoch: epoch, offset: 0), now: now)
  }

  private func endEpochs() {
    endedEpochs.formUnion(histories.values.map(\.latest.epoch))
    histories = [:]
  }

  /// Redis' clock, in milliseconds.
  func now() throws -> Int64 {
    let words = try probe.call("TIME").elements.map(\.integerText)
    guard words.count == 2 else { throw Failure("no time") }
    return words[0] * 1000 + words[1] / 1000
  }

  // MARK: Asking both

  /// Publishes a draft to both; what became of it and when.
  @discardableResult
  func publish(_ publication: Publication) throws -> (receipt: PublishReceipt, time: Int64) {
    let call = try #require(scripts.publish(publication, newSeed: newSeed()))
    let (receipt, time) = try caller.run(call) { (HistoryReply.receipt($0), Int64($0[3]?.integer ?? 0)) }
    let expected = try publishInMemory(publication, receipt?.position?.epoch, now: time)
    try #require(receipt == expected)
    return (expected, time)
  }

  private func publishInMemory(_ publication: Publication, _ epoch: String?, now: Int64) throws -> PublishReceipt {
    let channel = publication.channel
    if let key = publication.key, let known = keys.receipt(of: key, in: channel, now: now) { return known }
    var position: StreamPosition?
    if let rule = publication.history {
      var history = try history(of: channel, epoch, now: now)
      _ = history.append(publication, keeping: rule, now: now)
      position = history.latest
      histories[channel] = history
    }
    if let key = publication.key { keys.store(position, under: key, in: channel, now: now) }
    return PublishReceipt(position: position)
  }

  /// Asks both and compares.
  @discardableResult
  func read(_ query: HistoryQuery, _ channel: ChannelName = "room") throws -> Answer {
    let now = try now()
    // Memory recovers in one go what Redis brings page by page.
    let maxBytes = if case .recover = query { Int.max } else { HistoryRead.maxBytes }
    let call = scripts.read(channel, query, newSeed: newSeed(), maxBytes: maxBytes)
    let fromRedis = try caller.run(call) { HistoryReply.read($0, of: channel, .testing) }
    var history = try history(of: channel, fromRedis?.latest.epoch, now: now)
    let answer = Answer(history.read(query, now: now))
    histories[channel] = history
    try #require(fromRedis.map { Answer($0) } == answer, "\(query) of \(channel)")
    return answer
  }

  // MARK: What befalls Redis

  /// Everything is deleted.
  func flush() throws {
    _ = try probe.call("FLUSHALL")
    endEpochs()
    keys = IdempotencyTable()
  }

  /// Redis has been started anew, with what it had kept on disk.
  func restart() throws {
    run.name += "+"
    _ = try probe.call("HSET", "apus:run", "run", run.name)
    endEpochs()
  }

  /// Goes on behind that offset with nothing held.
  func jump(to offset: Int, _ channel: ChannelName = "room") throws {
    // A meta is there from the first message on.
    let epoch = try #require(try publish(.text("0", to: channel)).receipt.position?.epoch)
    _ = try probe.call("HSET", "apus:meta:\(channel)", "offset", "\(offset)")
    _ = try probe.call("DEL", "apus:history:\(channel)")
    histories[channel] = MemoryHistory(latest: StreamPosition(epoch: epoch, offset: offset), now: try now())
  }

  /// Publishes something that is kept for a moment only, together with all before it, and waits for its end.
  func publishAndExpire(_ channel: ChannelName = "room") async throws {
    let rule = HistoryRule(size: 1000, timeToLive: 2)
    let end = try publish(.text("0", to: channel, history: rule)).time + rule.timeToLive
    try await wait(
      until: { try now() > end && probe.call("EXISTS", "apus:history:\(channel)").integer == 0 }, "it is still there")
  }
}

extension RedisAnswer {
  /// The number that a string holds.
  fileprivate var integerText: Int64 { Int64(text) ?? 0 }
}

extension Publication {
  /// A message as the hub makes it; `data` is JSON text.
  static func text(
    _ data: String, to channel: ChannelName = "room", excluding client: ClientID? = nil,
    history: HistoryRule? = HistoryTwin.rule, key: IdempotencyKey? = nil
  ) -> Publication {
    let event = Array(data.utf8).withUnsafeBytes {
      Interchange.draft(channel: channel, from: "alice", client: ClientID("c-1"), data: $0)
    }
    return Publication(channel: channel, event: event, excluded: client, history: history, key: key)
  }

  /// A message in a binary frame.
  static func binary(
    _ payload: [UInt8], to channel: ChannelName = "room", excluding client: ClientID? = nil,
    history: HistoryRule? = HistoryTwin.rule, key: IdempotencyKey? = nil
  ) -> Publication {
    let name = Array(channel.string.utf8)
    let event = ([1, 0, UInt8(truncatingIfNeeded: name.count)] + name + payload).withUnsafeBytes {
      BinaryPublish.draft($0, keepsHistory: history != nil)
    }
    return Publication(
      channel: channel, kind: .binary, event: event, excluded: client, history: history, key: key)
  }
}

extension EventCheck {
  /// For messages of up to a megabyte.
  static let testing = EventCheck(maxMessageSize: 1 << 20)
}
