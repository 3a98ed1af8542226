import Model
import Testing

@Suite struct ExactStringTests {
  /// `é` as one scalar and as two: equal for Swift, different bytes for everybody else.
  private let composed = "caf\u{E9}"
  private let decomposed = "cafe\u{301}"

  @Test func canonicallyEquivalentTextsAreDifferent() {
    #expect(composed == decomposed, "or this test says nothing")
    #expect(ExactString(composed) != ExactString(decomposed))
    #expect(Set([ExactString(composed), ExactString(decomposed)]).count == 2)
  }

  @Test func differentBytesOfTheSameLengthAreDifferent() {
    // Six bytes each: the angstrom sign and the letter are canonically equivalent.
    let (left, right) = ("\u{212B}\u{C5}a", "\u{C5}\u{212B}a")
    #expect(left == right)
    #expect(left.utf8.count == right.utf8.count)
    #expect(ExactString(left) != ExactString(right))
  }

  @Test(arguments: ["", "a", "room:1", "日本語", "🦆🦆🦆", String(repeating: "long ", count: 100)])
  func equalBytesAreEqualAndHashAlike(_ text: String) {
    // Built anew, so that neither storage nor small-string form is shared.
    let copy = String(decoding: Array(text.utf8), as: UTF8.self)
    #expect(ExactString(text) == ExactString(copy))
    #expect(ExactString(text).hashValue == ExactString(copy).hashValue)
    #expect(Set([ExactString(text), ExactString(copy)]).count == 1)
  }

  @Test func anyByteMakesADifference() {
    let text = "the quick brown fox"
    for index in text.utf8.indices {
      var bytes = Array(text.utf8)
      bytes[text.utf8.distance(from: text.startIndex, to: index)] ^= 1
      #expect(ExactString(String(decoding: bytes, as: UTF8.self)) != ExactString(text))
    }
    #expect(ExactString(text) != ExactString(text + "\0"))
  }

  @Test func showsTheTextAsItIs() {
    #expect(ExactString(decomposed).description.utf8.elementsEqual(decomposed.utf8))
    #expect(ExactString(decomposed).value.utf8.elementsEqual(decomposed.utf8))
    #expect(ExactString(decomposed).utf8.count == 6)
  }
}
