@testable import Broker
import Model
import TestSupport
import Testing

@Suite struct IdempotencyTableTests {
  private let room = channel("room")
  private let place = StreamPosition(epoch: "x1", offset: 7)

  private func key(_ key: String, by name: String = "alice") -> IdempotencyKey {
    IdempotencyKey(publisher: .user(user(name)), key: key)
  }

  @Test func aRepetitionGetsTheFirstAnswer() {
    var table = IdempotencyTable()
    #expect(table.receipt(of: key("k"), in: room, now: 0) == nil)
    table.store(place, under: key("k"), in: room, now: 0)
    table.store(nil, under: key("unkept"), in: room, now: 0)
    #expect(table.receipt(of: key("k"), in: room, now: 1) == PublishReceipt(position: place, isDuplicate: true))
    #expect(table.receipt(of: key("unkept"), in: room, now: 1) == PublishReceipt(isDuplicate: true))
  }

  @Test func aKeyIsOfOnePublisherAndChannel() {
    var table = IdempotencyTable()
    table.store(place, under: key("k"), in: room, now: 0)
    #expect(table.receipt(of: key("k", by: "bob"), in: room, now: 0) == nil)
    #expect(table.receipt(of: key("K"), in: room, now: 0) == nil)
    #expect(table.receipt(of: key("k"), in: channel("other"), now: 0) == nil)
    table.store(place, under: key("b:k", by: "a"), in: room, now: 0)
    #expect(table.receipt(of: key("k", by: "a:b"), in: room, now: 0) == nil)
  }

  @Test func namesAreComparedByTheirBytes() {
    var table = IdempotencyTable()
    table.store(place, under: key("\u{E9}"), in: room, now: 0)
    #expect(table.receipt(of: key("e\u{301}"), in: room, now: 0) == nil)
    #expect(table.receipt(of: key("\u{E9}"), in: room, now: 0) != nil)
  }

  @Test func keysAreForgottenAfterFiveMinutes() {
    var table = IdempotencyTable()
    table.store(place, under: key("a"), in: room, now: 1000)
    table.store(place, under: key("b"), in: room, now: 2000)
    #expect(table.receipt(of: key("a"), in: room, now: 301_000) != nil)
    #expect(table.receipt(of: key("a"), in: room, now: 301_001) == nil)
    #expect(table.count == 1)
    table.expire(now: 302_001)
    #expect(table.count == 0)
  }

  @Test func storingAgainChangesNothing() {
    var table = IdempotencyTable()
    table.store(place, under: key("a"), in: room, now: 0)
    table.store(nil, under: key("a"), in: room, now: 200_000)
    #expect(table.receipt(of: key("a"), in: room, now: 300_000)?.position == place)
    #expect(table.receipt(of: key("a"), in: room, now: 300_001) == nil)
    table.store(nil, under: key("a"), in: room, now: 300_001)
    #expect(table.receipt(of: key("a"), in: room, now: 500_000) == PublishReceipt(isDuplicate: true))
  }

  @Test func theOldestGoWhenThereIsNoRoom() {
    var table = IdempotencyTable(capacity: 3)
    for number in 1...5 { table.store(place, under: key("\(number)"), in: room, now: 0) }
    #expect(table.count == 3)
    let known = (1...5).filter { table.receipt(of: key("\($0)"), in: room, now: 0) != nil }
    #expect(known == [3, 4, 5])
  }
}
