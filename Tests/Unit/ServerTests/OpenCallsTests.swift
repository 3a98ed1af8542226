import Model
import Testing
import Wire

@testable import Server

@Suite struct OpenCallsTests {
  private let session = SessionID(slot: 1, generation: 1)
  private let successor = SessionID(slot: 1, generation: 2)

  private func id(_ number: Int) -> RequestID { RequestID(json: "\(number)") }

  @Test func aConnectionHasSoManyCalls() {
    var calls = OpenCalls()
    #expect(!calls.has(session))
    for _ in 0..<16 {
      #expect(calls.hasRoom(session))
      calls.open(session)
    }
    #expect(!calls.hasRoom(session))
    #expect(calls.hasRoom(successor), "the next one in the slot has its own")
    #expect(!calls.has(successor))
    calls.close(session)
    #expect(calls.hasRoom(session))
    for _ in 0..<15 { calls.close(session) }
    #expect(!calls.has(session))
  }

  @Test func aBatchIsAnsweredWithItsLastCall() {
    var calls = OpenCalls()
    let (batch, other) = (calls.nextBatch(), calls.nextBatch())
    let first = RPCResponse.success(id(1), result: "1")
    calls.begin(batch, [.awaited, .answered(first), .answered(nil), .awaited])
    calls.begin(other, [.awaited])
    let (zero, three) = (RPCResponse.success(id(0), result: "0"), RPCResponse.success(id(3), result: "3"))
    #expect(calls.answer(batch, at: 3, id: id(3), three) == nil)
    #expect(calls.answer(other, at: 0, id: id(3), three) == [three])
    #expect(calls.answer(batch, at: 0, id: id(0), zero) == [zero, first, three], "in the order of the calls")
    #expect(calls.answer(batch, at: 0, id: id(0), zero) == nil, "it is forgotten")
  }

  @Test func theAnswersToABatchAreBounded() {
    var calls = OpenCalls()
    let batch = calls.nextBatch()
    calls.begin(batch, [.awaited, .awaited, .awaited])
    let large = RPCResponse.success(id(0), result: "\"\(String(repeating: "x", count: 600_000))\"")
    let small = RPCResponse.success(id(2), result: "2")
    #expect(calls.answer(batch, at: 0, id: id(0), large) == nil)
    #expect(calls.answer(batch, at: 1, id: id(1), large) == nil)
    #expect(
      calls.answer(batch, at: 2, id: id(2), small) == [large, .failure(id(1), .internalError), small],
      "what has no room is left out alone")
  }
}
