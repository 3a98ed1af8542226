import Broker
import JSON
import Model
import TestSupport
import Testing

@Suite struct BrokerPayloadTests {
  private func parse(_ text: String) -> (payload: BrokerPayload, text: String)? {
    withBytes(of: text) { bytes in
      BrokerPayload.parse(bytes).map { ($0.payload, String(decoding: bytes[$0.text], as: UTF8.self)) }
    }
  }

  @Test(arguments: [
    (BrokerPayload(.message), "m - - -\n"),
    (BrokerPayload(.message, excluded: ClientID("c-7Qm4")), "m - - c-7Qm4\n"),
    (BrokerPayload(.message, epoch: "x1", offset: 42), "m x1 42 -\n"),
    (
      BrokerPayload(.message, epoch: "x1", offset: .max, excluded: ClientID("c-0123456789ab")),
      "m x1 9223372036854775807 c-0123456789ab\n"
    ),
    (BrokerPayload(.signal, excluded: ClientID("c-1")), "s - - c-1\n"),
    (BrokerPayload(.presence), "p - - -\n"),
    (BrokerPayload(.binary, epoch: "a.b_c-d", offset: 1), "b a.b_c-d 1 -\n"),
    (BrokerPayload(.cleared, epoch: "x1", offset: 0), "c x1 0 -\n"),
  ])
  func writesAndReadsTheHeader(_ expected: BrokerPayload, _ header: String) throws {
    var writer = ByteWriter()
    expected.appendHeader(to: &writer)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == header)
    for event in [#"{"type":"message"}"#, "\n", "m - - -\n{}", "\u{1}\u{0}é"] {
      let parsed = try #require(parse(header + event))
      #expect(parsed.payload == expected)
      #expect(parsed.text == event)
    }
    #expect(parse(header) == nil, "nothing follows")
  }

  @Test(arguments: [
    "", "m", "m ", "\n", "{\"hi\":1}", "hello", "x - - -\n{}", "M - - -\n{}", "mm - - -\n{}", " m - - -\n{}",
    "m  - - -\n{}",
    "m -  - -\n{}", "m - - -  \n{}", "m - - - \n{}", "m - - -\r\n{}", "m - -\n{}", "m - - - -\n{}", "m\t- - -\n{}",
    "m - - -{}",
    "m\n- - -\n{}", "m -\n- -\n{}", "m x1 - -\n{}", "m - 1 -\n{}", "m x1 0 -\n{}", "m x1 -1 -\n{}", "m x1 +1 -\n{}",
    "m x1 01 -\n{}",
    "m x1 1.0 -\n{}", "m x1 1e3 -\n{}", "m x1 9223372036854775808 -\n{}", "m x1 a -\n{}", "m é 1 -\n{}",
    "m x\"1 1 -\n{}",
    "m - - c\"1\n{}", "m - - {\n{}", "m - - \u{0}\n{}", "m   -\n{}",
    "m - - " + String(repeating: "c", count: 65) + "\n{}", "m " + String(repeating: "x", count: 65) + " 1 -\n{}",
    "m - - " + String(repeating: "c", count: 100_000),
  ])
  func refusesWhatIsOdd(_ text: String) {
    #expect(parse(text) == nil)
  }

  /// Nothing but a clearing is at the offset 0, and it is nowhere else.
  @Test(arguments: [
    "c - - -\n{}", "c x1 - -\n{}", "c - 0 -\n{}", "c x1 1 -\n{}", "c x1 42 -\n{}", "c x1 00 -\n{}", "c x1 -0 -\n{}",
    "c x1 0 -\n", "c x1 0\n{}", "m x1 0 -\n{}", "s x1 0 -\n{}", "p x1 0 -\n{}", "b x1 0 -\n{}",
  ])
  func onlyAClearingIsAtZero(_ text: String) {
    #expect(parse(text) == nil)
  }

  @Test func aClearingTellsWhereTheHistoryGoesOn() throws {
    let parsed = try #require(parse("c x1 0 -\n{}"))
    #expect(parsed.payload.position == StreamPosition(epoch: "x1", offset: 0))
    #expect(parse("c x1 0 c-1\n{}")?.payload.excluded == ClientID("c-1"), "as of every kind")
  }

  @Test func readsTokensOf64Bytes() throws {
    let token = String(repeating: "x", count: 64)
    let parsed = try #require(parse("m \(token) 1 \(token)\n{}"))
    #expect(parsed.payload == BrokerPayload(.message, epoch: token, offset: 1, excluded: ClientID(token)))
  }

  @Test func everyPrefixOfAHeaderIsRefused() {
    let header = Array("m x1 42 c-7Qm4\n".utf8)
    for count in 0...header.count {
      #expect(header[..<count].withUnsafeBytes { BrokerPayload.parse($0) == nil })
    }
  }

  private func isUnknown(_ text: String) -> Bool { withBytes(of: text) { BrokerPayload.isUnknown($0) } }

  @Test(arguments: [
    "x - - -\n{}", "m2 - - -\n{}", "m2 anything", "b9 x", "X \n", "d2 bob\n{}", "n2\n{}", "c2 x1 0 -\n{}",
    "q2 1 a.b\n{}", "a2 x", "r\n",
  ])
  func isOfALaterVersion(_ text: String) {
    #expect(isUnknown(text) && parse(text) == nil)
  }

  @Test(arguments: [
    "", "m", "x", "m - - -\n{}", "m - -\n{}", "d bob\n{}", "n\n{}", "mm - - -\n{}", "{\"a\":1}", "m22 - \n", "1 \n",
    "c - - -\n{}", "q\n", "q bob\n{}", "a 1 a.b\n",
  ])
  func isNotOfALaterVersion(_ text: String) {
    #expect(!isUnknown(text))
  }
}
