import LoopTestSupport
import Reactor
import Testing

@Suite struct ResolverTests {
  private func resolve(_ host: String, port: UInt16 = 6379) throws -> Resolution {
    let loop = try Loop()
    let mailbox = Mailbox<Resolution>(on: loop)
    var answers: [Resolution] = []
    mailbox.receive { [unowned loop] in
      #expect(loop.handle.isCurrent)
      answers.append($0)
      loop.stop()
    }
    Resolver.resolve(host, port: port, tag: 42, answer: mailbox)
    try loop.runUntilStopped()
    #expect(answers.count == 1)
    let answer = try #require(answers.first)
    #expect(answer.tag == 42, "the number of the question comes back")
    return answer
  }

  @Test func findsTheLocalHost() throws {
    let addresses = try resolve("localhost").result.get().map(\.description)
    #expect(!addresses.isEmpty)
    #expect(Set(addresses).isSubset(of: ["127.0.0.1:6379", "[::1]:6379"]), "\(addresses)")
  }

  @Test(arguments: [("127.0.0.1", "127.0.0.1:1"), ("::1", "[::1]:1")])
  func numericHostsAreTheirOwnAddress(_ host: String, _ address: String) throws {
    #expect(try resolve(host, port: 1).result.get().map(\.description) == [address])
  }

  @Test func whatLeadsNowhereHasAReason() throws {
    // A label of more than 63 bytes is refused before anybody is asked.
    let error = #expect(throws: ResolveError.self) {
      try resolve(String(repeating: "x", count: 300)).result.get()
    }
    #expect(error.map { !$0.reason.isEmpty && $0.description == $0.reason } == true)
  }
}
