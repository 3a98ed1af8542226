import JSON
import TestSupport
import Testing

@Suite struct JSONScannerTests {
  @Test(arguments: [
    "{}", "[]", "\"\"", "0", "-0", "1", "-1", "10", "1234567890", "0.5", "-0.5", "1.0e+2", "1E400", "1e-7", "0e0",
    "0E+0",
    "123456789012345678901234567890", "true", "false", "null", " 1 ", "\t\r\n 1\n", "[1]", "[1,2]", "[ 1 , 2 ]", "[[]]",
    "[[],[]]", "[{}]", "{\"a\":1}", "{ \"a\" : 1 , \"b\" : [ ] }", "{\"\":0}", "{\"a\":1,\"a\":2}",
    "{\"a\":{\"b\":{}}}",
    "[null,true,false]", "\"a\"", "\"\\\"\"", "\"\\\\\"", "\"\\/\"", "\"\\b\\f\\n\\r\\t\"", "\"\\u0000\"",
    "\"\\uD834\\uDd1e\"",
    "\"\\ud800\"", "\"\u{7F}\"", "\"\u{2028}\u{2029}\"", "\"é漢🐦\"", "\"'\"", "\"/\"", "[\"a\",1,{\"b\":[true]}]",
    "{\"a\":[{},{\"b\":[[1]]}],\"c\":null}", "[-1.5e-10]", "\"0123456\\n\"", "\"01234567\\\\\"",
  ])
  func acceptsValidDocuments(_ document: String) {
    #expect(isValidJSON(document))
  }

  @Test(arguments: [
    "", " ", "{", "}", "[", "]", "\"", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1,,2]", "[1]]", "[1}", "{1:2}",
    "{a:1}",
    "{'a':1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "{\"a\":1]", "{\"a\" 1}", "{\"a\":1}}",
    "{}{}",
    "{} x", "1 2", "01", "-", "-01", "+1", ".5", "1.", "1.e5", "1e", "1e+", "1e5.5", "0x10", "1_000", "--1", "1-",
    "NaN",
    "Infinity", "-Infinity", "nul", "nulll", "tru", "True", "TRUE", "falsee", "fals", "undefined", "'a'", "\"a",
    "\"a\\\"",
    "\"\\x41\"", "\"\\a\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\u\"", "\"\\U0041\"", "\"\\\"", "\"\\", "\"a\nb\"",
    "\"a\tb\"",
    "\"\u{0}\"", "\"\u{1F}\"", "\"\u{0}", "\u{0}", "1\u{0}", "\u{FEFF}1", "\u{A0}1", "\u{C}1", "\u{B}1", "// c\n1",
    "/**/1", "[1,2",
    "{\"a\":[1}", "[{\"a\":1]}", "\"a\" \"b\"", "{\"a\":\"b}", "[\"a\u{1}\"]", "{\"a\\x\":1}", "{null:1}", "{[]:1}",
  ])
  func refusesInvalidDocuments(_ document: String) {
    #expect(!isValidJSON(document))
  }

  @Test func depthOf64PassesAnd65Fails() {
    func nested(_ depth: Int, _ open: String, _ close: String) -> String {
      String(repeating: open, count: depth) + "0" + String(repeating: close, count: depth)
    }
    #expect(isValidJSON(nested(64, "[", "]")))
    #expect(!isValidJSON(nested(65, "[", "]")))
    #expect(isValidJSON(nested(64, "{\"a\":", "}")))
    #expect(!isValidJSON(nested(65, "{\"a\":", "}")))
    #expect(isValidJSON(nested(32, "[{\"a\":", "}]")))
    #expect(!isValidJSON("[" + nested(32, "[{\"a\":", "}]") + "]"))
    #expect(!isValidJSON(String(repeating: "[", count: 100_000)))
    // What stands side by side is not deep, and a level that was left may be entered again.
    #expect(isValidJSON("[" + Array(repeating: nested(63, "[", "]"), count: 3).joined(separator: ",") + "]"))
    // Brackets of both kinds at every level, closed by the wrong one.
    #expect(!isValidJSON(String(repeating: "[", count: 64) + String(repeating: "}", count: 64)))
  }

  @Test func containersCloseByTheirOwnKind() {
    var generator = SplitMix64(seed: 1)
    for _ in 0..<200 {
      let kinds = (0..<Int.random(in: 1...64, using: &generator)).map { _ in Bool.random(using: &generator) }
      let open = kinds.map { $0 ? "{\"k\":" : "[" }.joined()
      var closing = kinds.reversed().map { $0 ? "}" : "]" }
      #expect(isValidJSON(open + "1" + closing.joined()))
      let index = Int.random(in: closing.indices, using: &generator)
      closing[index] = closing[index] == "}" ? "]" : "}"
      #expect(!isValidJSON(open + "1" + closing.joined()))
    }
  }

  /// Strings are read eight bytes at a step: every byte at every place of a step, and in what is left over.
  @Test func findsEveryByteAStringMayNotHold() {
    for length in 1...19 {
      for position in 0..<length {
        for byte in UInt8.min...UInt8.max {
          var document = [UInt8](repeating: UInt8(ascii: "a"), count: length)
          document[position] = byte
          document = [UInt8(ascii: "\"")] + document + [UInt8(ascii: "\"")]
          let isAllowed = byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
          // A backslash makes an unknown escape, or takes the closing quote away.
          if document.withUnsafeBytes(JSONScanner.validate) != isAllowed {
            Issue.record("byte \(byte) at \(position) of \(length)")
          }
        }
      }
    }
  }

  @Test func everyPrefixOfADocumentIsInvalid() {
    let document = Array(#"{"a":[1,-2.5e+3,"x\n\u00e9",{"b":null}],"c":true,"d":{"e":false}}"#.utf8)
    #expect(document.withUnsafeBytes(JSONScanner.validate))
    for count in 0..<document.count {
      #expect(!document[..<count].withUnsafeBytes(JSONScanner.validate), "the first \(count) bytes")
    }
  }

  @Test(arguments: [
    ("1,2", 1), ("\"a\\\"b\" ", 6), ("{\"a\":[]}}", 8), ("[1] ", 3), ("true]", 4), ("-1.5e3}", 6), ("nullx", 4),
  ])
  func skipsOneValueAndNoMore(_ text: String, _ end: Int) {
    #expect(withBytes(of: text) { JSONScanner($0).skipValue(at: 0) } == end)
  }

  @Test func countsTheContainersAValueStandsIn() {
    withBytes(of: "[[]]") { bytes in
      #expect(JSONScanner(bytes).skipValue(at: 0, depth: 62) == 4)
      #expect(JSONScanner(bytes).skipValue(at: 0, depth: 63) == nil)
    }
    #expect(withBytes(of: "[1]") { JSONScanner($0).skipValue(at: 3) } == nil)
    #expect(withBytes(of: "") { JSONScanner($0).skipValue(at: 0) } == nil)
  }
}
