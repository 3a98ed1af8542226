import Testing
import WebSocket

@Suite struct CloseMachineTests {
  @Test func peerCloses() {
    var machine = CloseMachine()
    #expect(machine.isOpen)
    #expect(machine.received(.goingAway) == .sendAndEnd(.goingAway))
    #expect(!machine.isOpen)
    #expect(machine.peerEnded() == .none)
    #expect(machine.disconnectCode == .goingAway)
  }

  @Test func peerClosesWithoutACode() {
    var machine = CloseMachine()
    #expect(machine.received(nil) == .sendAndEnd(nil))
    #expect(machine.disconnectCode == .noStatus)
  }

  @Test func weClose() {
    var machine = CloseMachine()
    #expect(machine.closing(.restart) == .send(.restart))
    #expect(!machine.isOpen)
    #expect(machine.received(.normal) == .endAfterFlush)
    #expect(machine.peerEnded() == .none)
    #expect(machine.disconnectCode == .restart)
  }

  @Test func bothCloseAtOnce() {
    var machine = CloseMachine()
    #expect(machine.received(.normal) == .sendAndEnd(.normal))
    #expect(machine.closing(.restart) == .none)
    #expect(machine.disconnectCode == .normal)
  }

  @Test func peerBreaksARule() {
    var machine = CloseMachine()
    #expect(machine.failed(.protocolError) == .sendAndEnd(.protocolError))
    #expect(machine.received(.normal) == .none)
    #expect(machine.disconnectCode == .protocolError)
  }

  @Test func peerBreaksARuleInsteadOfAnswering() {
    var machine = CloseMachine()
    #expect(machine.closing(.goingAway) == .send(.goingAway))
    #expect(machine.failed(.protocolError) == .endAfterFlush)
    #expect(machine.disconnectCode == .goingAway)
  }

  @Test func onlyOneCloseFrameIsSent() {
    var machine = CloseMachine()
    #expect(machine.closing(.restart) == .send(.restart))
    #expect(machine.closing(.overloaded) == .none)
    #expect(machine.received(.normal) == .endAfterFlush)
    #expect(machine.received(.normal) == .none)
    #expect(machine.failed(.protocolError) == .none)
    #expect(machine.closing(.overloaded) == .none)
    #expect(machine.disconnectCode == .restart)
  }

  @Test func peerVanishes() {
    var machine = CloseMachine()
    #expect(machine.peerEnded() == .drop)
    #expect(machine.disconnectCode == .abnormal)
    #expect(machine.closing(.restart) == .none)
    #expect(machine.received(.normal) == .none)
    #expect(machine.timeout() == .none)
    #expect(machine.disconnectCode == .abnormal)
  }

  @Test func peerEndsWithoutAnswering() {
    var machine = CloseMachine()
    #expect(machine.closing(.overloaded) == .send(.overloaded))
    #expect(machine.peerEnded() == .endAfterFlush)
    #expect(machine.timeout() == .drop)
    #expect(machine.disconnectCode == .overloaded)
  }

  @Test func timeouts() {
    var open = CloseMachine()
    #expect(open.timeout() == .drop)
    #expect(open.disconnectCode == .abnormal)

    var unanswered = CloseMachine()
    _ = unanswered.closing(.internalError)
    #expect(unanswered.timeout() == .drop)
    #expect(unanswered.timeout() == .none)
    #expect(unanswered.disconnectCode == .internalError)

    var stalled = CloseMachine()
    _ = stalled.received(.normal)
    #expect(stalled.timeout() == .drop)
    #expect(stalled.disconnectCode == .normal)
  }
}
