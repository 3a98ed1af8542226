import Reactor
import Testing

@testable import Bench

@Suite struct BenchMessageTests {
  @Test(arguments: [BenchMessage.minPayload, 64, 1000])
  func whatIsWrittenIsReadAgain(_ payload: Int) {
    let message = BenchMessage(intended: 1_234_567_890_123_456_789, number: 42)
    var (text, digits) = BenchMessage.template(channel: "bench:0", payload: payload)
    message.write(to: &text, digits: digits)
    #expect(text.withUnsafeBytes { BenchMessage(in: $0) } == message)
    let data = String(decoding: text, as: UTF8.self).split(separator: #""data":"#, maxSplits: 1).last ?? ""
    #expect(data.utf8.count - 1 == payload, "less the brace of the command")
  }

  @Test(arguments: ["", "{", #"{"t":""#, #"{"t":"123"#, #"{"t":"123456789012345678x","n":"000000000000"}"#])
  func anythingElseIsNone(_ text: String) {
    #expect(Array(text.utf8).withUnsafeBytes { BenchMessage(in: $0) } == nil)
  }
}

@Suite struct SourceAddressTests {
  @Test func loopbackIsSpreadWhenOneAddressIsFull() {
    let sources = SourceAddresses([], destination: "127.0.0.1")
    #expect(sources.address(of: 19_999) == nil)
    #expect(sources.address(of: 20_000)?.description == "127.0.0.2:0")
    #expect(sources.address(of: 40_000)?.description == "127.0.0.3:0")
    #expect(sources.address(of: 20_000 * 254) == sources.address(of: 20_000), "around again")
  }

  @Test func elsewhereOnlyGivenAddressesAreUsed() throws {
    #expect(SourceAddresses([], destination: "192.0.2.1").address(of: 60_000) == nil)
    let given = try #require(SocketAddress(numericHost: "192.0.2.7", port: 0))
    let other = try #require(SocketAddress(numericHost: "192.0.2.8", port: 0))
    let sources = SourceAddresses([given, other], destination: "192.0.2.1")
    #expect(sources.address(of: 0) == given)
    #expect(sources.address(of: 1) == other)
    #expect(sources.address(of: 2) == given)
  }
}
