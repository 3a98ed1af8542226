import Model
import TestSupport
import Testing
import WebSocket

@testable import Server

/// What a loop sends: one call for each connection and turn, and what becomes of those who do not read.
@Suite struct DeliveryTests {
  /// A message of a kilobyte that begins with its number.
  private func message(_ number: Int) -> String { "\(number) " + String(repeating: "x", count: 1000) }

  private func numbers(_ payloads: [String]) -> [Int] { payloads.compactMap { Int($0.prefix { $0 != " " }) } }

  // MARK: A turn

  @Test func whatATurnBringsLeavesByOneSend() throws {
    let bench = try DeliveryBench()
    let slots = try bench.open(3)
    for text in ["a", "b", "c"] { bench.deliver(text, to: slots) }
    bench.delivery.flush()
    #expect(bench.delivery.counts.sends == 3, "one for each connection")
    #expect(bench.delivery.counts.delivered == 9)
    for slot in slots { #expect(bench.arrived(at: slot) == ["a", "b", "c"]) }
    #expect(bench.told.isEmpty)
  }

  @Test func whoIsLeftOutGetsNothing() throws {
    let bench = try DeliveryBench()
    let slots = try bench.open(2)
    bench.deliver("a", to: slots, except: [slots[0]])
    #expect(bench.arrived(at: slots[0]) == [])
    #expect(bench.arrived(at: slots[1]) == ["a"])
    #expect(bench.delivery.counts.delivered == 1)
  }

  @Test func nothingFollowsACloseFrame() throws {
    let bench = try DeliveryBench()
    let slot = try bench.open(1)[0]
    let connection = bench.connections[slot]
    _ = connection.pointee.closing.closing(.restart)
    bench.deliver("a", to: [slot])
    #expect(bench.arrived(at: slot) == [])
  }

  // MARK: Slow ones

  /// Delivers until something is too much for the outbox of the first, who reads nothing; the second reads all the time.
  private func flood(_ policy: OverflowPolicy, _ count: Int) throws -> (DeliveryBench, slow: [Int], read: [Int]) {
    let bench = try DeliveryBench()
    let slots = try bench.open(2)
    var read: [Int] = []
    for number in 1...count {
      bench.deliver(message(number), to: slots, policy)
      bench.delivery.flush()
      read += numbers(bench.arrived(at: slots[1]))
    }
    return (bench, numbers(bench.arrived(at: slots[0])), read)
  }

  @Test func whoIsToHaveAllIsClosed() throws {
    let (bench, _, read) = try flood(.disconnect, 60)
    #expect(bench.told.contains("slow 0") && !bench.told.contains("slow 1"))
    #expect(bench.delivery.counts.dropped["disconnect"] ?? 0 > 0)
    #expect(read == Array(1...60), "nobody else notices")
  }

  @Test func messagesAreLeftOut() throws {
    let (bench, slow, read) = try flood(.drop, 60)
    #expect(!bench.told.contains("slow 0"))
    let dropped = bench.delivery.counts.dropped["drop"] ?? 0
    #expect(dropped > 0 && slow == Array(1...(60 - dropped)), "in order, and none in between")
    #expect(read == Array(1...60))
  }

  @Test func onlyTheNewestWaits() throws {
    let (bench, slow, read) = try flood(.conflate, 60)
    #expect(!bench.told.contains("slow 0"))
    #expect(slow.last == 60, "the newest comes at last")
    #expect(slow == slow.sorted() && slow.count == 60 - (bench.delivery.counts.dropped["conflate"] ?? 0))
    #expect(read == Array(1...60))
  }

  // MARK: Answers

  @Test func anAnswerLargerThanAnOutboxIsRefused() throws {
    let bench = try DeliveryBench()
    let slot = try bench.open(1)[0]
    #expect(bench.delivery.send(answer: .rpc("0"), of: 20_000, to: slot)?.code == .tooLarge)
    #expect(bench.delivery.send(answer: .rpc(String(repeating: "x", count: 20_000)), to: slot)?.code == .tooLarge)
    #expect(bench.arrived(at: slot) == [])
  }
}
