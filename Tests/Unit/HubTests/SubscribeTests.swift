import Hub
import Model
import TestSupport
import Testing

@Suite struct SubscribeTests {
  @Test func theFirstSubscriberAttachesAndIsAnsweredAfterwards() {
    var desk = Desk()
    desk.open(0)
    #expect(desk.subscribe(0, "room", id: 1) == ["attach room"])
    #expect(desk.deliver("early", of: "room").isEmpty, "nobody listens before the broker has confirmed")
    #expect(desk.attached("room") == ["0: subscribed room #1"])
    #expect(desk.deliver("late", of: "room") == [0])
  }

  @Test func theSecondSubscriberWaitsForTheSameConfirmation() {
    var desk = Desk()
    desk.open(0, 1)
    #expect(desk.subscribe(0, "room", id: 1) == ["attach room"])
    #expect(desk.subscribe(1, "room", id: 2) == [])
    #expect(desk.attached("room") == ["0: subscribed room #1", "1: subscribed room #2"])
    #expect(desk.deliver("hi", of: "room") == [0, 1])
  }

  @Test func aSubscriberOfAConfirmedChannelIsAnsweredAtOnce() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(0, "room")
    #expect(desk.subscribe(1, "room", id: 2) == ["1: subscribed room #2"])
    #expect(desk.deliver("hi", of: "room") == [0, 1])
  }

  @Test func repliesComeWithoutARequestIDToo() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room")
    #expect(desk.attached("room") == ["0: subscribed room"])
    #expect(desk.unsubscribe(0, "room") == ["detach room", "0: unsubscribed room"])
  }

  @Test func channelsAreApart() {
    var desk = Desk()
    desk.open(0, 1)
    #expect(desk.subscribe(0, "a", id: 1) == ["attach a"])
    #expect(desk.subscribe(1, "b", id: 2) == ["attach b"])
    #expect(desk.subscribe(0, "b", id: 3) == [])
    #expect(desk.attached("b") == ["1: subscribed b #2", "0: subscribed b #3"])
    #expect(desk.deliver("hi", of: "b") == [0, 1])
    #expect(desk.deliver("hi", of: "a").isEmpty)
    #expect(desk.attached("a") == ["0: subscribed a #1"])
    #expect(desk.hub.channelCount == 2)
    #expect(desk.hub.subscriptionCount == 3)
  }

  @Test func confirmationsOfUnknownChannelsAreIgnored() {
    var desk = Desk()
    desk.open(0)
    #expect(desk.attached("nowhere") == [])
    desk.subscribed(0, "room")
    #expect(desk.attached("room") == [], "one that comes twice answers nobody twice")
    #expect(desk.deliver("hi", of: "room") == [0])
  }

  // MARK: Unsubscribe

  @Test func theLastListenerDetaches() {
    var desk = Desk()
    desk.open(0, 1)
    desk.subscribed(0, "room")
    desk.subscribed(1, "room")
    #expect(desk.unsubscribe(0, "room", id: 1) == ["0: unsubscribed room #1"])
    #expect(desk.deliver("hi", of: "room") == [1])
    #expect(desk.unsubscribe(1, "room", id: 2) == ["detach room", "1: unsubscribed room #2"])
    #expect(desk.deliver("hi", of: "room").isEmpty)
    #expect(desk.hub.channelCount == 0)
    #expect(desk.hub.subscriptionCount == 0)
  }

  @Test func whoComesAfterTheLastHasGoneAttachesAnew() {
    var desk = Desk()
    desk.open(0)
    desk.subscribed(0, "room")
    _ = desk.unsubscribe(0, "room")
    #expect(desk.subscribe(0, "room", id: 2) == ["attach room"], "the old confirmation counts no more")
    #expect(desk.attached("room") == ["0: subscribed room #2"])
  }

  @Test func unsubscribingWhereThereIsNoSubscriptionSucceeds() {
    var desk = Desk()
    desk.open(0, 1)
    #expect(desk.unsubscribe(0, "room", id: 1) == ["0: unsubscribed room #1"])
    desk.subscribed(1, "room")
    #expect(desk.unsubscribe(0, "room", id: 2) == ["0: unsubscribed room #2"])
    #expect(desk.deliver("hi", of: "room") == [1])
  }

  // MARK: Refusals

  @Test func aConnectionHasSoManyChannelsAndNoMore() {
    var desk = Desk(maxChannels: 2)
    desk.open(0, 1)
    desk.subscribed(0, "a")
    #expect(desk.subscribe(0, "b", id: 1) == ["attach b"])
    #expect(desk.subscribe(0, "c", id: 2) == ["0: error too_many_channels #2"], "pending ones count")
    #expect(desk.subscribe(0, "c") == ["0: error too_many_channels in c"])
    #expect(desk.hub.channelCount == 2, "a refused subscribe leaves no channel behind")
    #expect(desk.subscribe(0, "a", id: 3) == ["0: subscribed a #3"], "one it has is not one more")
    #expect(desk.subscribe(1, "c", id: 4) == ["attach c"], "the limit is each connection's own")
    _ = desk.unsubscribe(0, "a")
    #expect(desk.subscribe(0, "c", id: 5) == [])
    #expect(desk.attached("c") == ["1: subscribed c #4", "0: subscribed c #5"])
  }

  @Test func reservedChannelsBelongToTheServer() {
    var desk = Desk()
    desk.open(0)
    #expect(desk.subscribe(0, "$system", id: 1) == ["0: error forbidden #1"])
    #expect(desk.publish(0, "$system", "x", id: 2) == ["0: error forbidden #2"])
    #expect(desk.presence(0, "$system", id: 3) == ["0: error forbidden #3"])
    #expect(desk.publish(0, "$system", "x") == ["0: error forbidden"], "errors are told without an id too")
    #expect(desk.unsubscribe(0, "$system", id: 4) == ["0: unsubscribed $system #4"])
    #expect(desk.hub.channelCount == 0)
  }

  @Test func aRefusedMessageIsNeverMade() {
    var desk = Desk()
    desk.open(0)
    desk.hub.publish(Desk.id(0), to: channel("$system"), echo: true, request: nil) { _ in
      Issue.record("made in vain")
      return .finished(EventText(text: ""))
    }
    #expect(desk.lines() == ["0: error forbidden"])
  }
}
