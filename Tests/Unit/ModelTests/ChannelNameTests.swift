import Model
import Testing

@Suite struct ChannelNameTests {
  @Test(arguments: [
    "a", "room:1", "news", "a.b-c_d/e@f#g?h=i&j+k,l;m!n*o'p(q)r[s]t~u|v^w%x\"y\\z", "$system", "комната", "غرفة", "חדר",
    "部屋", "방", "ห้อง",
    "कमरा", "🦆", "e\u{301}", "\u{200D}", "\u{FEFF}", "\u{10FFFF}", "\u{A1}",
  ])
  func goodNames(_ name: String) throws {
    let channel = try #require(ChannelName(name))
    #expect(channel.string.utf8.elementsEqual(name.utf8))
    #expect(channel.description == name)
  }

  @Test func lengthIsCountedInBytes() {
    #expect(ChannelName("") == nil)
    #expect(ChannelName(String(repeating: "x", count: 200)) != nil)
    #expect(ChannelName(String(repeating: "x", count: 201)) == nil)
    #expect(ChannelName(String(repeating: "é", count: 100)) != nil)
    #expect(ChannelName(String(repeating: "é", count: 100) + "x") == nil)
    #expect(ChannelName(String(repeating: "🦆", count: 50)) != nil)
    #expect(ChannelName(String(repeating: "🦆", count: 51)) == nil)
    #expect(ChannelName("e" + String(repeating: "\u{301}", count: 100)) == nil, "one character, 201 bytes")
  }

  /// Of the first 256 scalars exactly these may not be used.
  @Test func forbiddenAmongTheFirst256() {
    for value in UInt32(0)..<256 {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let isForbidden = value <= 0x20 || (0x7F...0xA0).contains(value) || scalar == "{" || scalar == "}"
      for name in ["\(scalar)", "a\(scalar)", "\(scalar)a", "a\(scalar)b"] {
        #expect((ChannelName(name) == nil) == isForbidden, "U+\(String(value, radix: 16)) in \(name.debugDescription)")
      }
    }
  }

  @Test(arguments: [
    "\u{A0}", "\u{1680}", "\u{2000}", "\u{2003}", "\u{2009}", "\u{200A}", "\u{2028}", "\u{2029}", "\u{202F}",
    "\u{205F}", "\u{3000}", "\u{85}", "\t", "\n", "\r\n", " ",
  ])
  func whitespaceOfEveryKindIsRefused(_ space: String) {
    for name in [space, "a\(space)b", "\(space)a", "日本\(space)"] {
      #expect(ChannelName(name) == nil, "\(name.debugDescription)")
    }
  }

  @Test func reservedNamesBeginWithADollar() throws {
    #expect(try #require(ChannelName("$")).isReserved)
    #expect(try #require(ChannelName("$system")).isReserved)
    #expect(try !#require(ChannelName("a$")).isReserved)
    #expect(try !#require(ChannelName("＄full-width")).isReserved)
    #expect(try #require(ChannelName("$\u{301}")).isReserved, "bytes decide, not characters")
  }

  @Test func namesAreComparedByBytes() throws {
    let composed = try #require(ChannelName("caf\u{E9}"))
    let decomposed = try #require(ChannelName("cafe\u{301}"))
    #expect(composed != decomposed)
    #expect([composed: 1, decomposed: 2].count == 2)
    #expect(composed == ChannelName("caf\u{E9}"))
  }
}
