import Broker
import Model
import TestSupport
import Testing

@Suite struct PresenceEntryTests {
  private func parse(_ text: String) -> PresenceEntry? {
    withBytes(of: text, PresenceEntry.init(parsing:))
  }

  @Test func encodes() throws {
    let alice = try #require(UserName("alice"))
    let entry = PresenceEntry(user: alice, node: "web-1.x3f9", since: 1_730_000_000_123, info: #"{"a": 1}"#)
    #expect(
      String(decoding: entry.encoded(), as: UTF8.self)
        == #"{"user":"alice","node":"web-1.x3f9","since":1730000000123,"info":{"a": 1}}"#)
    let anonymous = PresenceEntry(user: nil, node: "web-1.x3f9", since: 0)
    #expect(String(decoding: anonymous.encoded(), as: UTF8.self) == #"{"user":null,"node":"web-1.x3f9","since":0}"#)
  }

  @Test func parsingWhatWasEncodedIsTheIdentity() {
    for user in [nil, "alice", "Ann \"A\\B\"", "漢字 🐦", "e\u{301}"] {
      for info in [nil, "null", "{}", #"{"user":"bob", "x":[1.50,"\u00e9\ud800"]}"#, "\"é\""] {
        let entry = PresenceEntry(user: user.flatMap(UserName.init), node: "web-1.x3f9", since: .max, info: info)
        #expect(entry.encoded().withUnsafeBytes(PresenceEntry.init(parsing:)) == entry)
      }
    }
  }

  @Test func toleratesOrderSpaceAndUnknownMembers() throws {
    let text =
      #" { "info" : [ 1 ] , "since" : 5, "x":{"user":1},"x":2, "n\u006fde":"web-1.x3f9", "user":"\u0061lice" } "#
    let alice = try #require(UserName("alice"))
    #expect(parse(text) == PresenceEntry(user: alice, node: "web-1.x3f9", since: 5, info: "[ 1 ]"))
  }

  @Test(arguments: [
    "", "{}", "[]", "null", "alice", #"{"user":"a","node":"n","since":1"#, #"{"user":"a","node":"n","since":1}x"#,
    #"{"node":"n","since":1}"#, #"{"user":"a","since":1}"#, #"{"user":"a","node":"n"}"#,
    #"{"user":1,"node":"n","since":1}"#,
    #"{"user":"","node":"n","since":1}"#, #"{"user":"a\n","node":"n","since":1}"#,
    #"{"user":"\ud800","node":"n","since":1}"#,
    #"{"user":"a","node":null,"since":1}"#, #"{"user":"a","node":"\udc00","since":1}"#,
    #"{"user":"a","node":"n","since":"1"}"#,
    #"{"user":"a","node":"n","since":1.5}"#, #"{"user":"a","node":"n","since":9223372036854775808}"#,
    #"{"user":"a","user":"a","node":"n","since":1}"#, #"{"user":"a","node":"n","since":1,"info":1,"info":1}"#,
    #"{"user":"a","node":"n","since":1,"info":}"#, #"{"user":"a","node":"n","since":1,"x":tru}"#,
  ])
  func isNilWhenMalformed(_ text: String) {
    #expect(parse(text) == nil)
  }

  @Test func isNilWhenNotUTF8() {
    let text = Array(#"{"user":"a","node":"n","since":1,"info":"?"}"#.utf8)
    #expect(text.withUnsafeBytes(PresenceEntry.init(parsing:)) != nil)
    for bad: UInt8 in [0x80, 0xC3, 0xFF] {
      let bytes = text.map { $0 == UInt8(ascii: "?") ? bad : $0 }
      #expect(bytes.withUnsafeBytes(PresenceEntry.init(parsing:)) == nil)
    }
  }
}
