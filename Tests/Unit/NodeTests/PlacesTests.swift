import Model
import Node
import Redis
import Testing

@testable import apus

@Suite struct PlacesTests {
  @Test(arguments: [
    ("10.0.0.1", "-h 10.0.0.1 -p 1 "), ("a-b.example_c", "-h a-b.example_c -p 1 "), ("::1", "-h ::1 -p 1 "),
    ("~root", "-h '~root' -p 1 "), ("fe80::1%eth0", "-h 'fe80::1%eth0' -p 1 "),
  ])
  func aHostIsOneWordOfAShell(host: String, words: String) throws {
    let url = try SentinelURL("redis+sentinel://a/m")
    let places = Places(try NodeConfiguration(settings([.redis: ["\(url)"], .dev: ["true"]])))
    let address = try #require(ServerAddress(host: host, port: "1"))
    let lines = places.lines(of: .channel(try #require(ChannelName("room"))), at: url.primary(at: address))
    let commands = lines.filter { $0.contains("redis-cli") }
    #expect(!commands.isEmpty && commands.allSatisfy { $0.contains("redis-cli \(words)") }, "\(commands)")
  }
}
