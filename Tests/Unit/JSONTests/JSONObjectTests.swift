import JSON
import Testing

@Suite struct JSONObjectTests {
  /// `é` in one code point and in two: canonically equivalent, which makes them one text for Swift.
  private let composed = "\u{E9}"
  private let decomposed = "e\u{301}"

  @Test func namesAreComparedByteByByte() throws {
    let object = try #require(JSONObject(#"{"\#(decomposed)":1,"\#(composed)":2}"#))
    #expect(object.isUnambiguous)
    #expect(object.integer(composed) == 2 && object.integer(decomposed) == 1)
    #expect(try #require(JSONObject(#"{"\#(decomposed)":1}"#)).integer(composed) == nil)
  }

  @Test func theSameBytesTwiceAreAmbiguous() throws {
    #expect(try #require(JSONObject(#"{"a":1,"\u0061":2}"#)).isUnambiguous == false)
  }

  @Test func aTextMayBeginWithACombiningCharacter() throws {
    let object = try #require(JSONObject("{\"aud\":[\"\u{301}a\"]}"))
    #expect(object.strings("aud")?.map { Array($0.utf8) } == [Array("\u{301}a".utf8)])
  }
}
