import JSON
import TestSupport
import Testing

@Suite struct ByteWriterTests {
  private func written(_ write: (inout ByteWriter) -> Void) -> String {
    var writer = ByteWriter()
    write(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  @Test(arguments: [
    0, 1, -1, 9, 10, 99, 100, 1_730_000_000_123, Int(Int32.max), Int(Int32.min), .max, .max - 1, .min, .min + 1,
  ])
  func writesIntegers(_ integer: Int) {
    #expect(written { $0.append(integer) } == String(integer))
  }

  @Test(arguments: [
    ("", #""""#), ("plain", #""plain""#), ("a\"b", #""a\"b""#), ("a\\b", #""a\\b""#), ("a/b", #""a/b""#),
    ("\u{8}\t\n\u{C}\r", #""\b\t\n\f\r""#), ("\u{0}\u{1}\u{B}\u{1A}\u{1F}", #""\u0000\u0001\u000b\u001a\u001f""#),
    ("\u{7F}é\u{2028}漢🐦", "\"\u{7F}é\u{2028}漢🐦\""), ("1234567\"", #""1234567\"""#),
    ("12345678\n12345678\\", #""12345678\n12345678\\""#),
  ])
  func quotesStrings(_ text: String, _ expected: String) {
    #expect(written { $0.append(quoting: text) } == expected)
    #expect(isValidJSON(expected))
  }

  @Test func quotingAndDecodingIsTheIdentity() {
    var generator = SplitMix64(seed: 7)
    let alphabet: [Unicode.Scalar] = ["a", "\"", "\\", "\n", "\u{0}", "\u{1F}", "/", "é", "漢", "🐦", "\u{301}", "u"]
    for _ in 0..<2_000 {
      var text = ""
      for _ in 0..<Int.random(in: 0...40, using: &generator) {
        text.unicodeScalars.append(alphabet[Int.random(in: alphabet.indices, using: &generator)])
      }
      let token = written { $0.append(quoting: text) }
      let decoded = withBytes(of: token) { JSONScanner($0).string(0..<$0.count) }
      #expect(decoded.map { Array($0.utf8) } == Array(text.utf8))
    }
  }

  @Test func appendsInOrder() {
    var writer = ByteWriter(capacity: 4)
    writer.reserve(100)
    writer.append(literal: "ab")
    writer.append(byte: UInt8(ascii: "c"))
    writer.append(utf8: "dé")
    withBytes(of: "\"x") { writer.append($0) }
    #expect(String(decoding: writer.bytes, as: UTF8.self) == "abcdé\"x")
  }
}
