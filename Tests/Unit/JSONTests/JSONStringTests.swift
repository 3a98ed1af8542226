import JSON
import TestSupport
import Testing

@Suite struct JSONStringTests {
  @Test(arguments: [
    (#""""#, ""), (#""a""#, "a"), (#""a\"b""#, "a\"b"), (#""\\""#, "\\"), (#""\/""#, "/"),
    (#""\b\f\n\r\t""#, "\u{8}\u{C}\n\r\t"), (#""\u0041""#, "A"), (#""\u00e9\u00C9""#, "éÉ"), (#""\u6f22""#, "漢"),
    (#""\ud83d\udc26""#, "🐦"), (#""x\uD83D\uDC26y""#, "x🐦y"), (#""\u0000""#, "\u{0}"), (#""\uffff""#, "\u{FFFF}"),
    (#""\udbff\udfff""#, "\u{10FFFF}"), (#""\ud800\udc00""#, "\u{10000}"), (#""é漢🐦""#, "é漢🐦"),
    (#""e\u0301""#, "e\u{301}"),
    (#""long enough to need more than one word\n""#, "long enough to need more than one word\n"),
  ])
  func decodes(_ token: String, _ expected: String) throws {
    #expect(isValidJSON(token))
    let decoded = try #require(withBytes(of: token) { JSONScanner($0).string(0..<$0.count) })
    #expect(Array(decoded.utf8) == Array(expected.utf8))
  }

  @Test(arguments: [
    #""\ud800""#, #""\udc00""#, #""\ud800x""#, #""\ud800\n""#, #""\ud800\ud800""#, #""\udc00\ud800""#,
    #""\udc00\udc00""#,
    #""\ud800\u0041""#,
    #""\ud83d\\udc26""#, #""a\udbff""#,
  ])
  func refusesLoneSurrogates(_ token: String) {
    #expect(isValidJSON(token), "RFC 8259 section 8.2 allows them in a document")
    #expect(withBytes(of: token) { JSONScanner($0).string(0..<$0.count) } == nil)
  }

  @Test func decodesAtItsPlaceOnly() {
    let text = #"{"a":"b\tc","d":1}"#
    #expect(withBytes(of: text) { JSONScanner($0).string(5..<11) } == "b\tc")
    #expect(withBytes(of: text) { JSONScanner($0).text(5..<11) } == #""b\tc""#)
    #expect(withBytes(of: text) { JSONScanner($0).string(5..<6) } == nil)
    #expect(withBytes(of: text) { JSONScanner($0).string(0..<100) } == nil)
  }
}
