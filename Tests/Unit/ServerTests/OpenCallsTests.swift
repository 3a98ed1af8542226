import Model
import Protocol
import TestSupport
import Testing
import WebSocket

@testable import Server

@Suite struct OpenCallsTests {
  private let session = SessionID(slot: 1, generation: 1)
  private let successor = SessionID(slot: 1, generation: 2)

  private func id(_ number: Int) -> RequestID { RequestID(json: "\(number)") }

  private func room(_ ids: [RequestID?], limit: Int = OpenCalls.maxBatchBytes) -> BatchRoom {
    BatchRoom(for: ids, limit: limit)
  }

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
    calls.begin(batch, [.awaited, .answered(first), .answered(nil), .awaited], room([id(0), id(1), nil, id(3)]))
    calls.begin(other, [.awaited], room([id(3)]))
    let (zero, three) = (RPCResponse.success(id(0), result: "0"), RPCResponse.success(id(3), result: "3"))
    #expect(calls.answer(batch, at: 3, id: id(3), three) == nil)
    #expect(calls.answer(other, at: 0, id: id(3), three) == [three])
    #expect(calls.answer(batch, at: 0, id: id(0), zero) == [zero, first, three], "in the order of the calls")
    #expect(calls.answer(batch, at: 0, id: id(0), zero) == nil, "it is forgotten")
  }

  @Test func theAnswersToABatchAreBounded() {
    var calls = OpenCalls()
    let batch = calls.nextBatch()
    calls.begin(batch, [.awaited, .awaited, .awaited], room([id(0), id(1), id(2)]))
    let large = RPCResponse.success(id(0), result: "\"\(String(repeating: "x", count: 600_000))\"")
    let small = RPCResponse.success(id(2), result: "2")
    #expect(calls.answer(batch, at: 0, id: id(0), large) == nil)
    #expect(calls.answer(batch, at: 1, id: id(1), large) == nil)
    #expect(
      calls.answer(batch, at: 2, id: id(2), small) == [large, .failure(id(1), .internalError), small],
      "what has no room is left out alone")
  }

  @Test func theNodesOwnAnswersTakeRoomFromTheOthers() {
    var calls = OpenCalls()
    let batch = calls.nextBatch()
    var room = room([id(0), id(1)])
    let large = RPCResponse.success(id(0), result: "\"\(String(repeating: "x", count: 600_000))\"")
    #expect(room.admit(large, to: id(0)) == large)
    calls.begin(batch, [.answered(large), .awaited], room)
    let other = RPCResponse.success(id(1), result: large.json)
    #expect(calls.answer(batch, at: 1, id: id(1), other) == [large, .failure(id(1), .internalError)])
  }

  /// Whatever the calls are answered, the frame is not larger than what it has to fit into.
  @Test(arguments: [8192, 10_000, 65_536, 1 << 20])
  func allAnswersToABatchFit(_ limit: Int) throws {
    var generator = SplitMix64(seed: UInt64(limit))
    for _ in 0..<3 {
      let ids = (0..<50).map { _ in
        Bool.random(using: &generator) ? id(Int.random(in: 0..<1000, using: &generator)) : nil
      }
      var room = room(ids, limit: limit)
      let answers = ids.map { id -> RPCResponse in
        let result = String(repeating: "1", count: Int.random(in: 1...(limit / 10), using: &generator))
        return room.admit(id.map { .success($0, result: result) } ?? .failure(nil, .invalidRequest), to: id)
      }
      let frame = FrameEncoder.text(try #require(RPCResponse.json(of: answers)))
      #expect(frame.count <= limit)
      let whole = answers.count { !$0.json.hasSuffix("}}") }
      #expect(whole >= 5, "room for an error each is all that is kept")
    }
  }
}
