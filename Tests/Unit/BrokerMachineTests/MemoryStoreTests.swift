@testable import Broker
import Model
import TestSupport
import Testing

/// What a node that stands alone keeps in all is bounded, and thrown away a part at a time.
@Suite struct MemoryStoreTests {
  private let rule = HistoryRule(size: 100, timeToLive: 1000)

  private func publish(
    _ store: inout MemoryStore, _ name: String, bytes: Int = 10, now: Int64 = 0
  ) -> PublishReceipt {
    let head = [UInt8](repeating: UInt8(ascii: "x"), count: bytes)
    let publication = Publication(channel: channel(name), event: .draft(head: head, tail: []), history: rule)
    return store.publish(publication, now: now).receipt
  }

  private func read(_ store: inout MemoryStore, _ name: String, begins: Bool = true, now: Int64 = 0) -> HistoryRead {
    store.read(channel(name), .newest(100), begins: begins, now: now)
  }

  @Test func aCommandLeavesNothingUnderANewName() {
    var store = MemoryStore()
    #expect(read(&store, "a", begins: false).latest.offset == 0)
    #expect(store.count == 0)
    let latest = read(&store, "a").latest
    #expect(store.count == 1)
    #expect(read(&store, "a", begins: false).latest == latest)
    #expect(publish(&store, "a").position == StreamPosition(epoch: latest.epoch, offset: 1))
  }

  @Test func whoOnlyListensLeavesNothing() {
    var store = MemoryStore()
    let latest = read(&store, "a").latest
    #expect(read(&store, "b").latest.epoch != latest.epoch)
    store.unheard(channel("a"))
    store.unheard(channel("b"))
    #expect(store.count == 0)
    #expect(read(&store, "a", begins: false).latest == latest, "who comes back has missed nothing")
    #expect(publish(&store, "a").position == StreamPosition(epoch: latest.epoch, offset: 1))
    store.unheard(channel("a"))
    #expect(store.count == 1, "what had a message is kept")
  }

  @Test func whoListensIsFollowedByTheFirstMessage() {
    var store = MemoryStore(maxHistories: 0)
    let told = (0..<100).map { read(&store, "quiet:\($0)").latest }
    // Whatever is forgotten meanwhile.
    for number in 0..<10_000 { _ = publish(&store, "loud:\(number)") }
    for _ in 0..<40 { store.sweep(now: 10_000_000, sparing: { _ in false }) }
    #expect(store.count == 100)
    for (number, latest) in told.enumerated() {
      #expect(publish(&store, "quiet:\(number)").position == StreamPosition(epoch: latest.epoch, offset: 1))
    }
  }

  @Test func noEpochComesBack() {
    var store = MemoryStore(maxHistories: 0)
    var epochs: Set<String> = []
    for round in 0..<10 {
      guard let position = publish(&store, "a", now: Int64(round) * 10_000).position else { return }
      #expect(position.offset == 1)
      #expect(epochs.insert(position.epoch).inserted)
      store.sweep(now: Int64(round) * 10_000 + 5000, sparing: { _ in false })
      #expect(store.count == 0)
    }
  }

  @Test func whatIsOverIsThrownAwayByAndBy() {
    var store = MemoryStore()
    for number in 0..<1000 { _ = publish(&store, "room:\(number)") }
    let full = store.byteCount
    store.sweep(now: 2000, sparing: { _ in false })
    #expect(store.byteCount < full && store.byteCount > 0, "a part")
    for _ in 0..<4 { store.sweep(now: 2000, sparing: { _ in false }) }
    #expect(store.byteCount == 0)
    #expect(store.count == 1000, "their places are known")
    for _ in 0..<4 { store.sweep(now: 3_600_000, sparing: { _ in false }) }
    #expect(store.count == 0)
  }

  @Test func aSweepTouchesNothingThatIsUsed() {
    var store = MemoryStore()
    for number in 0..<10 { _ = publish(&store, "room:\(number)", now: 500) }
    let before = store.byteCount
    store.sweep(now: 1000, sparing: { _ in false })
    #expect(store.byteCount == before)
    #expect(read(&store, "room:3", now: 1000).entries.count == 1)
  }

  @Test func whoListensKeepsThePlace() {
    var store = MemoryStore(maxHistories: 0)
    let first = publish(&store, "heard").position
    _ = publish(&store, "unheard")
    store.sweep(now: 10_000_000, sparing: { $0 == channel("heard") })
    #expect(store.byteCount == 0 && store.count == 1)
    #expect(publish(&store, "heard", now: 10_000_000).position?.epoch == first?.epoch)
    #expect(publish(&store, "heard", now: 10_000_000).position?.offset == 3)
  }

  @Test func tooManyNamesAreNotWaitedFor() {
    var store = MemoryStore(maxHistories: 10)
    for number in 0..<20 { _ = publish(&store, "room:\(number)") }
    _ = publish(&store, "kept", now: 1500)
    store.sweep(now: 2000, sparing: { _ in false })
    #expect(store.count == 10)
    #expect(read(&store, "kept", now: 2000).entries.count == 1)
  }

  @Test func whoWasLeftAloneLongestMakesRoom() {
    var store = MemoryStore(maxBytes: 10_000)
    for number in 0..<9 { _ = publish(&store, "room:\(number)", bytes: 1000, now: Int64(number)) }
    _ = read(&store, "room:0", now: 10)
    _ = publish(&store, "room:9", bytes: 1000, now: 11)
    #expect(store.byteCount <= 10_000)
    let counts = (0..<10).map { read(&store, "room:\($0)", now: 12).entries.count }
    #expect(counts == [1, 0, 1, 1, 1, 1, 1, 1, 1, 1])
    #expect(publish(&store, "room:1", bytes: 10, now: 13).position?.offset == 2, "its place stays")
  }

  @Test func oneThatIsTooLargeAloneLosesItsOwn() {
    var store = MemoryStore(maxBytes: 10_000)
    for _ in 0..<20 { _ = publish(&store, "a", bytes: 1000) }
    #expect(store.byteCount <= 10_000)
    #expect(read(&store, "a").latest.offset == 20)
  }

  // MARK: Clearing

  @Test func aClearedHistoryHoldsNothingAndGoesOnUnderAnotherEpoch() throws {
    var store = MemoryStore()
    for _ in 0..<3 { _ = publish(&store, "a") }
    _ = publish(&store, "b")
    let before = read(&store, "a").latest
    let bytes = store.byteCount
    let position = store.clear(channel("a"), now: 0)
    #expect(position.offset == 0 && position.epoch != before.epoch)
    #expect(store.byteCount == bytes / 4, "the other keeps its own")
    #expect(read(&store, "a").entries.isEmpty && read(&store, "a").latest == position)
    #expect(read(&store, "b").entries.count == 1)
    #expect(publish(&store, "a").position == StreamPosition(epoch: position.epoch, offset: 1))
  }

  @Test func whoStoodInItRecoversNothing() {
    var store = MemoryStore()
    for _ in 0..<3 { _ = publish(&store, "a") }
    let before = read(&store, "a").latest
    for offset in 0...3 {
      let position = store.clear(channel("a"), now: 0)
      let since = Since.position(StreamPosition(epoch: before.epoch, offset: offset))
      let found = store.read(channel("a"), .recover(since), begins: true, now: 0)
      #expect(!found.isComplete && found.entries.isEmpty && found.latest == position)
    }
    let newest = store.clear(channel("a"), now: 0)
    #expect(store.read(channel("a"), .recover(.position(newest)), begins: true, now: 0).isComplete)
  }

  @Test func aChannelWithoutMessagesGoesOnElsewhereToo() {
    var store = MemoryStore()
    let told = read(&store, "a").latest
    let position = store.clear(channel("a"), now: 0)
    #expect(position.epoch != told.epoch)
    #expect(read(&store, "a").latest == position)
    #expect(store.count == 1, "it is kept once")
    #expect(store.clear(channel("never"), now: 0).offset == 0)
    store.unheard(channel("a"))
    #expect(read(&store, "a", begins: false).latest == position)
  }

  @Test func noClearingBringsAnEpochBack() {
    var store = MemoryStore(maxHistories: 0)
    var epochs: Set<String> = []
    for round in 0..<100 {
      let now = Int64(round) * 10_000
      #expect(epochs.insert(store.clear(channel("a"), now: now).epoch).inserted)
      if round.isMultiple(of: 3) { store.sweep(now: now + 5000, sparing: { _ in false }) }
      #expect(epochs.contains(read(&store, "a", now: now + 5000).latest.epoch) == !round.isMultiple(of: 3))
    }
  }

  @Test func whatIsClearedIsThrownAwayByAndBy() {
    var store = MemoryStore()
    for number in 0..<100 {
      _ = publish(&store, "room:\(number)")
      _ = store.clear(channel("room:\(number)"), now: 0)
    }
    #expect(store.byteCount == 0 && store.count == 100)
    store.sweep(now: 3_600_000, sparing: { $0 == channel("room:7") })
    #expect(store.count == 1, "who listens keeps the place")
  }
}
