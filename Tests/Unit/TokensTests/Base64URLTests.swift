import Testing

@testable import Tokens

@Suite struct Base64URLTests {
  @Test(
    arguments: [
      ("", []), ("Zg", [102]), ("Zm8", [102, 111]), ("Zm9v", [102, 111, 111]), ("Zm9vYg", [102, 111, 111, 98]),
      ("-_-_", [0xFB, 0xFF, 0xBF]), ("AA", [0]), ("__8", [0xFF, 0xFF]),
    ] as [(String, [UInt8])])
  func decodes(_ text: String, _ bytes: [UInt8]) {
    #expect(Base64URL.decode(text.utf8) == bytes)
  }

  /// Padding, the other alphabet, blanks, a character too many, and spare bits that are not zero.
  @Test(arguments: ["Zg==", "Zm8=", "+/+/", "Zm 9", "Zm9v\n", "Z", "Zm9vY", "Zh", "Zm9", "é", "Zm\u{0}8"])
  func refuses(_ text: String) {
    #expect(Base64URL.decode(text.utf8) == nil)
  }

  /// No two texts are the same bytes.
  @Test func isOneToOne() {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ ".utf8)
    var seen: Set<[UInt8]> = []
    for first in alphabet {
      for second in alphabet {
        guard let bytes = Base64URL.decode([first, second]) else { continue }
        #expect(seen.insert(bytes).inserted)
      }
    }
    #expect(seen.count == 256)
  }
}
