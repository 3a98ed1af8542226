import JSON
import TestSupport
import Testing

@Suite struct JSONMembersTests {
  /// Each member as `key=value kind`, both as they stand; then how it ended.
  private func walk(_ text: String) -> [String]? {
    withBytes(of: text) { bytes in
      guard var members = JSONMembers(bytes) else { return nil }
      var steps: [String] = []
      while true {
        switch members.next() {
        case .member(let key, let value):
          steps.append("\(members.scanner.text(key))=\(members.scanner.text(value.range)) \(value.kind)")
        case .end: return steps + ["end"]
        case .malformed: return steps + ["malformed"]
        }
      }
    }
  }

  @Test func listsMembersInOrderWithTheirKinds() {
    #expect(walk("{}") == ["end"])
    #expect(walk(" { } \n") == ["end"])
    #expect(
      walk(#"{"a":1, "b" : "x\"" ,"c":[1, 2],"d":{"e":{}},"f":true,"g":false,"h":null,"a":-0.5}"#) == [
        #""a"=1 number"#, #""b"="x\"" string"#, #""c"=[1, 2] array"#, #""d"={"e":{}} object"#, #""f"=true true"#,
        #""g"=false false"#, #""h"=null null"#, #""a"=-0.5 number"#, "end",
      ])
  }

  @Test(arguments: ["", " ", "[]", "1", "\"{}\"", "null", "}"])
  func isNothingWhereNoObjectBegins(_ text: String) {
    #expect(walk(text) == nil)
  }

  @Test(arguments: ["{", "{,", "{\"a\"", "{\"a\":", "{\"a\":x", "{\"a\" 1}", "{a:1}", "{} {}", "{}]", "{\"a\":[}"])
  func tellsWhereTheObjectIsBroken(_ text: String) {
    #expect(walk(text) == ["malformed"])
  }

  @Test(arguments: [
    "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{\"a\":1]", "{\"a\":1}}", "{\"a\":1,,}",
  ])
  func givesTheMembersBeforeTheFault(_ text: String) {
    #expect(walk(text) == ["\"a\"=1 number", "malformed"])
  }

  @Test func countsItselfTowardsTheDepth() {
    func object(_ depth: Int) -> String {
      "{\"a\":" + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1) + "}"
    }
    #expect(walk(object(64))?.last == "end")
    #expect(walk(object(65)) == ["malformed"])
  }
}
