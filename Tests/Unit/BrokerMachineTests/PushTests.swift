@testable import Broker
import Redis
import Testing

/// What comes by subscriptions, as Redis writes it.
@Suite struct PushTests {
  /// A push in words; nil where it is none.
  private func read(_ wire: String, _ pubSub: PubSub) throws -> String? {
    let codec = try #require(RedisCodec())
    Array(wire.utf8).withUnsafeBytes { codec.feed($0) }
    guard case .reply(let reply) = codec.next() else { throw Unreadable(wire: wire) }
    guard let push = Push(reply, pubSub) else { return nil }
    let text = { (bytes: UnsafeRawBufferPointer) in String(decoding: bytes, as: UTF8.self) }
    switch push {
    case .message(let name, let payload): return "message \(text(name)) \(text(payload))"
    case .subscribed(let name): return "subscribed \(text(name))"
    case .unsubscribed(let name): return "unsubscribed \(text(name))"
    case .pong(let number): return "pong \(number)"
    case .error(let error): return "error \(error.message)"
    }
  }

  private struct Unreadable: Error {
    let wire: String
  }

  private func array(_ elements: String...) -> String {
    let values = elements.map { Int($0) == nil ? "$\($0.utf8.count)\r\n\($0)\r\n" : ":\($0)\r\n" }
    return "*\(values.count)\r\n\(values.joined())"
  }

  @Test func theClassicKind() throws {
    #expect(try read(array("message", "apus:ch:room", "m - - -\n{}"), .classic) == "message apus:ch:room m - - -\n{}")
    #expect(try read(array("message", "a", ""), .classic) == "message a ")
    #expect(try read(array("subscribe", "a", "1"), .classic) == "subscribed a")
    #expect(try read(array("unsubscribe", "a", "0"), .classic) == "unsubscribed a")
  }

  @Test func theKindOfClusters() throws {
    let name = "apus:{7.1}:ch:room"
    #expect(try read(array("smessage", name, "m - - -\n{}"), .sharded) == "message \(name) m - - -\n{}")
    #expect(try read(array("ssubscribe", name, "1"), .sharded) == "subscribed \(name)")
    #expect(try read(array("sunsubscribe", name, "0"), .sharded) == "unsubscribed \(name)")
    #expect(try read(array("smessage", name), .sharded) == nil)
  }

  /// The answer to PING has two forms: one while something is subscribed, and that of any other connection.
  @Test func aPongHasItsNumber() throws {
    #expect(try read("*2\r\n$4\r\npong\r\n$2\r\n17\r\n", .sharded) == "pong 17")
    #expect(try read("$2\r\n17\r\n", .sharded) == "pong 17")
    #expect(try read("*2\r\n$4\r\npong\r\n$0\r\n\r\n", .sharded) == nil)
    #expect(try read("*2\r\n$4\r\npong\r\n$1\r\nx\r\n", .sharded) == nil)
    #expect(try read("+PONG\r\n", .sharded) == nil)
    #expect(try read("$2\r\n17\r\n", .classic) == nil, "nobody asks there")
  }

  @Test(arguments: [PubSub.classic, .sharded])
  func anErrorIsOne(_ pubSub: PubSub) throws {
    #expect(try read("-MOVED 2022 127.0.0.1:6380\r\n", pubSub) == "error MOVED 2022 127.0.0.1:6380")
    #expect(try read("-NOPERM no\r\n", pubSub) == "error NOPERM no")
  }

  @Test(arguments: [PubSub.classic, .sharded])
  func anythingElseIsNone(_ pubSub: PubSub) throws {
    for wire in [
      "$-1\r\n", "*-1\r\n", "*0\r\n", ":5\r\n", "+OK\r\n", "$1\r\nx\r\n", array("message"), array("message", "a"),
      array("", "a"), array("other", "a", "b"), "*2\r\n*0\r\n*0\r\n", array("1", "2"),
    ] {
      #expect(try read(wire, pubSub) == nil, "\(wire)")
    }
  }
}
