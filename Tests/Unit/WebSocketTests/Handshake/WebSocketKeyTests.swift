import TestSupport
import Testing

@testable import WebSocket

@Suite struct WebSocketKeyTests {
  @Test(arguments: [
    "dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA==", "/////////////////////w==", "++++++++++++++++++++++==",
  ])
  func shape(_ key: String) {
    #expect(WebSocketKey.isValid(key) == !key.hasSuffix("+=="))
  }

  @Test(arguments: [
    "", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZQA=",
    "dGhlIHNhbXBsZSBub25jZQAA", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub2 jZQ==", "dGhlIHNhbXBsZSBub-5jZQ==",
    "dGhlIHNhbXBsZSBub_5jZQ==", "dGhlIHNhbXBsZSBub25=ZQ==", "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==",
    "dGhlIHNhbXBsZSBub25j€==",
  ])
  func refused(_ key: String) {
    #expect(!WebSocketKey.isValid(key))
  }

  /// RFC 6455 section 1.3.
  @Test func accept() {
    #expect(WebSocketKey.accept(for: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
  }

  /// RFC 4648 section 10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
  ])
  func base64(_ text: String, _ expected: String) {
    #expect(WebSocketKey.base64(Array(text.utf8)) == expected)
  }

  @Test func everyKeyWeMakeIsValid() {
    var generator = SplitMix64(seed: 3)
    for _ in 0..<1000 { #expect(WebSocketKey.isValid(WebSocketKey.base64(generator.bytes(16)))) }
  }
}
