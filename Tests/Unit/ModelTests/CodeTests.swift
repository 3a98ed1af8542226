import Model
import Testing

@Suite struct CodeTests {
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

  @Test func closeCodesAreThoseOfTheProtocol() {
    let ours: [CloseCode] = [
      .unauthenticated, .tokenExpired, .disconnected, .rateLimited, .tooSlow, .pongTimeout,
    ]
    #expect(ours.map(\.rawValue) == [4001, 4002, 4003, 4008, 4009, 4010])
    let standard: [CloseCode] = [
      .normal, .goingAway, .protocolError, .unsupportedData, .noStatus, .abnormal, .invalidPayload, .tooBig,
      .internalError, .restart, .overloaded,
    ]
    #expect(standard.map(\.rawValue) == [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1009, 1011, 1012, 1013])
    #expect(CloseCode.tooSlow.description == "4009")
  }

  @Test func temporaryErrorsAreThoseWorthRepeating() {
    let temporary = ErrorCode.allCases.filter(\.isTemporary)
    #expect(temporary == [.rateLimited, .unavailable, .timeout, .internal])
  }

  @Test func errorCodesAreThoseOfTheProtocol() {
    #expect(
      Set(ErrorCode.allCases.map(\.rawValue)) == [
        "bad_request", "unknown_type", "unknown_method", "unauthenticated", "forbidden", "invalid_token",
        "expired_token", "rate_limited", "too_large", "too_many_channels", "invalid_channel",
        "unavailable", "timeout", "internal",
      ])
  }
}
