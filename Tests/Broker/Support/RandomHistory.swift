import Cluster
import Model
import TestSupport

/// Random operations on a few channels with history; `HistoryTwin` compares what comes of them.
struct RandomHistory {
  private static let channels: [ChannelName] = ["room", "ré:1"]
  private static let sizes = [1, 2, 7, 100, 400]

  private var generator: SplitMix64
  private var times: [Int64] = [0]
  private var epochs = ["", "-", "other"]
  /// Recoveries with messages, recoveries that were impossible, repetitions that were known.
  private(set) var (recovered, refused, duplicates) = (0, 0, 0)

  init(seed: UInt64) {
    generator = SplitMix64(seed: seed)
  }

  mutating func step(_ twin: HistoryTwin) async throws {
    let channel = pick(Self.channels)
    switch number(0...999) {
    case 0..<450: try publish(twin, channel, count: 1)
    case 450..<456: try publish(twin, channel, count: number(298...303))
    case 456..<460: try twin.flush()
    case 460..<464: try twin.restart()
    case 464..<470: try await twin.publishAndExpire(channel)
    case 470..<473: try twin.jump(to: pick([1 << 31 - 3, 1 << 31, 1 << 33, 1 << 52]), channel)
    default:
      let query = query(try twin.read(.position, channel).latest)
      let answer = try twin.read(query, channel)
      if case .recover = query {
        if !answer.isComplete { refused += 1 } else if !answer.entries.isEmpty { recovered += 1 }
      }
    }
  }

  private mutating func publish(_ twin: HistoryTwin, _ channel: ChannelName, count: Int) throws {
    let rule = HistoryRule(size: pick(Self.sizes), timeToLive: 600_000)
    for _ in 0..<count {
      let key: IdempotencyKey? =
        number(0...5) == 0 ? IdempotencyKey(publisher: .user(pick(["a", "a:b", "é"])), key: "\(number(0...30))") : nil
      let history = number(0...19) == 0 ? nil : rule
      let excluded = number(0...3) == 0 ? ClientID("c-\(number(1...9))") : nil
      let publication: Publication =
        number(0...4) == 0
        ? .binary(bytes(), to: channel, excluding: excluded, history: history, key: key)
        : .text("\(number(0...999_999))", to: channel, excluding: excluded, history: history, key: key)
      let (receipt, time) = try twin.publish(publication)
      if receipt.isDuplicate { duplicates += 1 }
      times.append(time)
    }
  }

  private mutating func query(_ latest: StreamPosition) -> HistoryQuery {
    if !epochs.contains(latest.epoch) { epochs.append(latest.epoch) }
    switch number(0...9) {
    case 0: return .newest(pick([0, 1, 2, 100, 500]))
    case 1...6: return .recover(since(latest))
    default: return .after(since(latest), limit: pick([0, 1, 5, 100, 500]))
    }
  }

  private mutating func since(_ latest: StreamPosition) -> Since {
    if number(0...2) == 0 {
      // Of late, mostly: several messages may share a millisecond.
      let moment = number(0...1) == 0 ? pick(times.suffix(20)) : pick(times)
      return .time(pick([moment, moment, moment - 1, moment + 1, 0, .max]))
    }
    let back = pick([-1, 0, 1, 1, 2, 3, 7, 8, 99, 100, 101, 299, 300, 301, 400, 401])
    let epoch = number(0...9) == 0 ? pick(epochs) : latest.epoch
    return .position(StreamPosition(epoch: epoch, offset: max(0, latest.offset - back)))
  }

  private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

  private mutating func bytes() -> [UInt8] {
    // Large ones now and then, so that one answer does not take all.
    (0..<(number(0...19) == 0 ? number(60_000...120_000) : number(0...20))).map { _ in
      UInt8(truncatingIfNeeded: number(0...255))
    }
  }

  private mutating func pick<Element>(_ elements: some RandomAccessCollection<Element>) -> Element {
    let index = elements.index(elements.startIndex, offsetBy: number(0...(elements.count - 1)))
    return elements[index]
  }
}
