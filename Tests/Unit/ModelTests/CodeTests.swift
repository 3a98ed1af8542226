import Model
import Testing

@Suite struct CodeTests {
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
