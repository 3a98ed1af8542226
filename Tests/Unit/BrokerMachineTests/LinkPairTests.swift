@testable import Broker
import Testing

/// Two links, and whether they lead to one server.
@Suite struct LinkPairTests {
  @Test func oneServerIsSubscribedOnce() {
    for order in [[0, 1], [1, 0]] {
      var pair = LinkPair()
      let actions = order.map { $0 == 0 ? pair.commandsReached("a") : pair.subscriberReached("a") }
      #expect(actions == [.wait, .subscribe])
      // Looked at again, as after a lost lease.
      #expect(pair.commandsReached("a") == .wait)
    }
  }

  @Test func aLinkThatComesBackAloneFindsTheOther() {
    var pair = joined()
    pair.commandsLost()
    #expect(pair.commandsReached("a") == .wait, "what is subscribed stays")
    pair.subscriberLost()
    #expect(pair.subscriberReached("a") == .subscribe)
  }

  @Test func twoServersAreNone() {
    var pair = joined()
    pair.subscriberLost()
    #expect(pair.subscriberReached("b") == .reset)
    pair = joined()
    pair.commandsLost()
    #expect(pair.commandsReached("b") == .reset)
  }

  @Test func nothingIsSubscribedWhileTheOtherIsAway() {
    var pair = joined()
    pair.commandsLost()
    pair.subscriberLost()
    #expect(pair.subscriberReached("b") == .wait)
    #expect(pair.commandsReached("b") == .subscribe)
  }

  private func joined() -> LinkPair {
    var pair = LinkPair()
    _ = pair.commandsReached("a")
    _ = pair.subscriberReached("a")
    return pair
  }
}
