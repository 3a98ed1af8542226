import Model
import Protocol
@testable import Server
import TestSupport
import Testing
import WebSocket

/// Random messages, recoveries and pauses of a client that reads, against what it may be told: of each channel its messages
/// in order, each once, and a gap for every span that was left out.
@Suite struct DeferredSendsRandomTests {
  private static let steps = 12_000

  @Test(arguments: UInt64(0)..<24)
  func everyChannelKeepsItsOrder(_ seed: UInt64) throws {
    var world = World(seed: seed)
    for step in 0..<Self.steps {
      world.step()
      try #require(world.faults.isEmpty, "seed \(seed), step \(step)")
    }
    world.finish()
    try #require(world.faults.isEmpty, "seed \(seed), at the end")
    #expect(world.told > 300, "seed \(seed)")
    #expect(world.gaps > 5, "seed \(seed)")
    #expect(world.waited > 100, "seed \(seed)")
    #expect(world.closed > 0, "seed \(seed)")
  }
}

/// One connection, as the worker has one: an outbox with so much room, what waits beside it, and the client behind.
private struct World {
  private static let maxOutbox = 4096
  private static let maxBehind = 6000

  private struct Stream {
    let name: ChannelName
    let policy: OverflowPolicy
    let keepsHistory: Bool
    /// The newest message there is; the client subscribes from some place on.
    var latest = 0
    var isIn = false
    /// The last message that the client was told, or told that it lacks.
    var told = 0
  }

  /// What a frame is: its channel and what it says.
  private enum Said {
    case message(Int)
    case gap(Int)
    case signal
  }

  private var random: SplitMix64
  private var waiting = DeferredSends(maxBehind: Self.maxBehind)
  private var isSlow = false
  private var outbox: [Frame] = []
  private var streams: [Stream] = []
  private(set) var faults: [String] = []
  private(set) var told = 0
  private(set) var gaps = 0
  private(set) var waited = 0
  private(set) var closed = 0

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    for policy in OverflowPolicy.allCases {
      for keepsHistory in [true, false] {
        let name = channel("\(policy.rawValue)-\(keepsHistory)")
        streams.append(Stream(name: name, policy: policy, keepsHistory: keepsHistory))
      }
    }
  }

  private var used: Int { outbox.reduce(0) { $0 + $1.count } }

  mutating func step() {
    let index = number(0...(streams.count - 1))
    switch number(0...99) {
    case 0..<4:
      // Few are in channels that close who is too slow, or it would always be closed first.
      let isPatient = streams[index].policy != .disconnect || number(0...9) == 0
      if !streams[index].isIn, isPatient { enter(index) }
    case 4: leave(index)
    case 5..<70: publish(index)
    case 70..<75: signal(index)
    case 75..<98: read(isSlow ? number(0...1) : number(0...6))
    default: isSlow.toggle()
    }
  }

  mutating func finish() {
    while !outbox.isEmpty || !waiting.isEmpty { read(10) }
    for stream in streams where stream.isIn && stream.keepsHistory && stream.told != stream.latest {
      faults.append("\(stream.name) ends at \(stream.told) of \(stream.latest)")
    }
    if waiting.recoveryBytes != 0 || waiting.newestBytes != 0 { faults.append("bytes are left") }
  }

  // MARK: The client

  private mutating func enter(_ index: Int) {
    let stream = streams[index]
    streams[index].isIn = true
    guard stream.keepsHistory else { return streams[index].told = stream.latest }
    let since = number(max(0, stream.latest - 40)...stream.latest)
    streams[index].told = since
    guard since < stream.latest else { return }
    let entries = (since + 1...stream.latest).map { offset in
      HistoryEntry(offset: offset, time: 0, text: message(offset, index), isBinary: false, excluded: nil)
    }
    waiting.append(entries, under: "e", of: stream.name)
    release()
  }

  private mutating func leave(_ index: Int) {
    streams[index].isIn = false
    waiting.forget(streams[index].name)
    outbox = outbox.filter { said($0).index != index }
  }

  /// So many frames leave for the client.
  private mutating func read(_ count: Int) {
    for frame in outbox.prefix(count) {
      let (index, what) = said(frame)
      hear(what, index)
    }
    outbox.removeFirst(min(count, outbox.count))
    release()
  }

  private mutating func hear(_ what: Said, _ index: Int) {
    let stream = streams[index]
    switch what {
    case .signal: break
    case .gap(let offset):
      gaps += 1
      if offset < stream.told || !stream.keepsHistory {
        faults.append("gap \(offset) at \(stream.told) of \(stream.name)")
      }
      streams[index].told = offset
    case .message(let offset):
      told += 1
      let isNext = stream.keepsHistory ? offset == stream.told + 1 : offset > stream.told
      if !isNext { faults.append("message \(offset) at \(stream.told) of \(stream.name)") }
      streams[index].told = offset
    }
  }

  // MARK: The worker

  private mutating func publish(_ index: Int) {
    streams[index].latest += 1
    let stream = streams[index]
    let position = stream.keepsHistory ? StreamPosition(epoch: "e", offset: stream.latest) : nil
    if stream.isIn { deliver(ChannelEvent(.message, message(stream.latest, index), at: position), index) }
  }

  private mutating func signal(_ index: Int) {
    if streams[index].isIn { deliver(ChannelEvent(.signal, text(index, "signal")), index) }
  }

  private mutating func deliver(_ event: ChannelEvent, _ index: Int) {
    let frame = ApusCodec.frame(of: event)
    switch waiting.take(event, of: streams[index].name) {
    case .passes where hasRoom(frame.count): outbox.append(frame)
    case .waits: waited += 1
    case .passes, .overflows: overflow(event, index)
    }
  }

  private mutating func overflow(_ event: ChannelEvent, _ index: Int) {
    if event.kind == .signal, streams[index].policy != .disconnect { return }
    switch streams[index].policy {
    case .disconnect: close()
    case .drop: if let position = event.position { waiting.leaveOut(upTo: position, of: streams[index].name) }
    case .conflate: _ = waiting.conflate(event, of: streams[index].name)
    }
  }

  /// It was too slow, and another one comes.
  private mutating func close() {
    closed += 1
    waiting = DeferredSends(maxBehind: Self.maxBehind)
    outbox = []
    for index in streams.indices { streams[index].isIn = false }
  }

  private func hasRoom(_ count: Int) -> Bool { outbox.isEmpty || used + count <= Self.maxOutbox }

  private mutating func release() {
    var queue = outbox
    var bytes = used
    _ = waiting.release(
      frame: { event, _ in ApusCodec.frame(of: event) },
      isHalfFree: { bytes <= Self.maxOutbox / 2 }, hasRoom: { queue.isEmpty || bytes + $0 <= Self.maxOutbox },
      send: {
        queue.append($0)
        bytes += $0.count
      }, sent: { _, _ in })
    if bytes > Self.maxOutbox + 600 { faults.append("\(bytes) bytes in the outbox") }
    outbox = queue
  }

  // MARK: Frames

  private mutating func message(_ offset: Int, _ index: Int) -> EventText {
    text(index, "message \(offset) \(String(repeating: "x", count: number(0...500)))")
  }

  private func text(_ index: Int, _ text: String) -> EventText {
    EventText(text: "\(streams[index].name) \(text)")
  }

  /// Reads a frame of ours, or a gap, which is JSON.
  private func said(_ frame: Frame) -> (index: Int, what: Said) {
    let text = frame.withPayload { String(decoding: $0, as: UTF8.self) }
    let index = streams.firstIndex { text.hasPrefix("\($0.name) ") || text.contains("\"\($0.name)\"") } ?? 0
    let words = text.split(separator: " ")
    if words.count > 2, words[1] == "message" { return (index, .message(Int(words[2]) ?? 0)) }
    guard words.first?.hasPrefix("{") == true else { return (index, .signal) }
    let digits = text.split(separator: "\"offset\":").last?.prefix { $0.isNumber } ?? ""
    return (index, .gap(Int(digits) ?? 0))
  }

  private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
}
