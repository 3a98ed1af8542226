import Model
import Testing

@Suite struct UserNameTests {
  @Test(arguments: ["a", "alice", "Alice Smith", "{alice}", "$alice", "  ", "Ольга", "日本\u{3000}太郎", "🦆", "\u{A0}"])
  func goodNames(_ name: String) throws {
    let user = try #require(UserName(name))
    #expect(user.string.utf8.elementsEqual(name.utf8))
    #expect(user.description == name)
  }

  @Test func lengthIsCountedInBytes() {
    #expect(UserName("") == nil)
    #expect(UserName(String(repeating: "x", count: 200)) != nil)
    #expect(UserName(String(repeating: "x", count: 201)) == nil)
    #expect(UserName(String(repeating: "é", count: 100)) != nil)
    #expect(UserName(String(repeating: "é", count: 100) + "x") == nil)
  }

  @Test func onlyControlCharactersAreForbidden() {
    for value in UInt32(0)..<256 {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let isControl = value < 0x20 || (0x7F...0x9F).contains(value)
      #expect((UserName("a\(scalar)b") == nil) == isControl, "U+\(String(value, radix: 16))")
    }
  }

  @Test func namesAreComparedByBytes() throws {
    #expect(try #require(UserName("caf\u{E9}")) != #require(UserName("cafe\u{301}")))
    #expect(UserName("alice") == UserName("alice"))
    #expect(UserName("alice") != UserName("Alice"))
  }
}
