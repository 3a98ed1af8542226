import Testing
import WebSocket

@Suite struct CloseCodeTests {
  /// RFC 6455 section 7.4 and the codes registered since: every number there is.
  @Test func closeCodesThatAPeerMaySend() {
    let allowed: Set<UInt16> = Set([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014])
      .union(3000...4999)
    for value in UInt16.min...UInt16.max
    where CloseCode(rawValue: value).mayBeReceived != allowed.contains(value) {
      Issue.record("\(value)")
    }
  }

  @Test func closeCodesThatAreOnlyCountedMayNotBeReceived() {
    #expect(!CloseCode.noStatus.mayBeReceived)
    #expect(!CloseCode.abnormal.mayBeReceived)
  }
}
