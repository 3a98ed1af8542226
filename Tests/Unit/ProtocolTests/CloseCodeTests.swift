import Protocol
import TestSupport
import Testing
import WebSocket

@Suite struct CloseCodeTests {
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

  /// The table of the documentation.
  @Test func areDocumented() throws {
    let codes: [CloseCode] = [
      .normal, .goingAway, .protocolError, .unsupportedData, .noStatus, .abnormal, .invalidPayload, .tooBig,
      .internalError, .restart, .overloaded, .unauthenticated, .tokenExpired, .disconnected, .rateLimited, .tooSlow,
      .pongTimeout,
    ]
    let table = try DocumentTable("docs/protocol.md", "## Close codes")
    #expect(table.names == codes.map(\.description))
    let neverSent = table.rows.filter { $0[1] == "never" }.map { $0[0] }
    #expect(neverSent == codes.filter { !$0.mayBeReceived }.map { "`\($0)`" })
  }
}
