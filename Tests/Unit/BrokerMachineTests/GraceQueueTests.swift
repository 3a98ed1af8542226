@testable import Broker
import Model
import TestSupport
import Testing

@Suite struct GraceQueueTests {
  /// Who leaves now, as text.
  private func pop(_ queue: inout GraceQueue, _ now: Int64) -> String? {
    queue.pop(now: now).map { "\($0.client) \($0.channel) at \($0.at)" }
  }

  @Test func lostConnectionsLeaveWhenTheGraceIsOver() {
    var queue = GraceQueue(grace: 3000)
    #expect(queue.next == nil)
    #expect(pop(&queue, 1_000_000) == nil)
    queue.append(ClientID("c-1"), channel("a"), now: 1000)
    queue.append(ClientID("c-2"), channel("a"), now: 1000)
    queue.append(ClientID("c-1"), channel("b"), now: 1500)
    #expect(queue.next == 4000)
    #expect(pop(&queue, 3999) == nil)
    #expect(pop(&queue, 4000) == "c-1 a at 4000")
    #expect(pop(&queue, 4000) == "c-2 a at 4000")
    #expect(pop(&queue, 4000) == nil)
    #expect(queue.next == 4500)
    #expect(pop(&queue, 60_000) == "c-1 b at 4500")
    #expect(queue.next == nil)
  }

  @Test func withoutGraceTheyLeaveAtOnce() {
    var queue = GraceQueue(grace: 0)
    queue.append(ClientID("c-1"), channel("a"), now: 7)
    #expect(pop(&queue, 7) == "c-1 a at 7")
  }
}
