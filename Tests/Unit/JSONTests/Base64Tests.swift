import JSON
import TestSupport
import Testing

@Suite struct Base64Tests {
  /// The vectors of RFC 4648 section 10, and some more.
  @Test(
    arguments: [
      ("", []), ("Zg==", [102]), ("Zm8=", [102, 111]), ("Zm9v", [102, 111, 111]), ("Zm9vYg==", [102, 111, 111, 98]),
      ("Zm9vYmE=", [102, 111, 111, 98, 97]), ("Zm9vYmFy", [102, 111, 111, 98, 97, 114]), ("+/+/", [0xFB, 0xFF, 0xBF]),
      ("AA==", [0]), ("AAA=", [0, 0]), ("AAAA", [0, 0, 0]), ("/w==", [0xFF]), ("//8=", [0xFF, 0xFF]),
    ] as [(String, [UInt8])])
  func encodesAndDecodes(_ text: String, _ bytes: [UInt8]) {
    #expect(Base64.encode(bytes) == text)
    #expect(Base64.decode(text) == bytes)
  }

  /// Missing padding, too much of it or in the wrong place, the other alphabet, blanks, and spare bits that are not zero.
  @Test(arguments: [
    "Z", "Zg", "Zg=", "Zm8", "Zg===", "Zg====", "=", "==", "===", "====", "A===", "=AAA", "A=AA", "AA=A", "Zg==Zg==",
    "Zm8=Zm8=", "-_-_", "Zm 8", "Zm8=\n", "\nZm8=", "Zm9v\r\n", "Zh==", "Zm9=", "/x==", "//9=", "Zm\u{0}8", "Zéé",
    "Zm8\u{301}",
    "Zg=\u{301}=", "{}[]", "Zm9vZ", "Zm9vZm", "Zm9vZm8",
  ])
  func refuses(_ text: String) {
    #expect(Base64.decode(text) == nil)
  }

  @Test(arguments: UInt64(0)..<4) func anyBytesComeBack(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    for count in 0..<200 {
      let bytes = generator.bytes(count)
      let text = Base64.encode(bytes)
      #expect(text.utf8.count == (count + 2) / 3 * 4)
      #expect(Base64.decode(text) == bytes)
    }
  }

  /// No two texts are the same bytes: every last group, of one byte and of two.
  @Test func isOneToOne() {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=- "
    var seen: Set<[UInt8]> = []
    for first in alphabet {
      for second in alphabet {
        for last in ["==", "A=", "8="] {
          guard let bytes = Base64.decode("\(first)\(second)\(last)") else { continue }
          #expect(seen.insert(bytes).inserted)
        }
      }
    }
    // 256 of one byte; of two all that end in 0 or in 12 of the last 16.
    #expect(seen.count == 256 + 2 * 64 * 64)
  }
}
