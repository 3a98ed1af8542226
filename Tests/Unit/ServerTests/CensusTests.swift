import Hub
import TestSupport
import Testing

@testable import Server

@Suite struct CensusTests {
  @Test func aChannelThatWasCountedTwiceHasItsLastCount() {
    let once = [ChannelSize(channel("a"), subscribers: 1), ChannelSize(channel("b"), subscribers: 2)]
    #expect(Server.latest(of: once) == once)
    let twice = Server.latest(of: once + [ChannelSize(channel("a"), subscribers: 3)])
    #expect(Set(twice.map { "\($0.name) \($0.subscribers)" }) == ["a 3", "b 2"])
  }
}
