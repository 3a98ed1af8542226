import Hub
import Model
import Testing

/// Commands of one connection on one channel take effect in order: what follows a subscribe waits for it.
@Suite struct DeferredCommandTests {
  @Test func whatNeedsNoSubscriptionGoesAtOnce() {
    var desk = Desk()
    desk.open(0)
    #expect(desk.publish(0, "room", "hi", id: 1) == ["publish 0 room #1 'hi'"])
    #expect(desk.publish(0, "room", "hi", echo: false) == ["publish 0 room 'hi' without c-0"])
    #expect(desk.presence(0, "room", id: 2) == ["query 0 room #2"])
    #expect(desk.presence(0, "room", onlyCount: true, id: 3) == ["query 0 room #3 count"])
  }

  @Test func aPublishWaitsBehindItsOwnSubscribeOnly() {
    var desk = Desk()
    desk.open(0, 1)
    _ = desk.subscribe(0, "room", id: 1)
    #expect(desk.publish(0, "room", "waits", id: 2) == [])
    #expect(desk.publish(0, "other", "goes", id: 3) == ["publish 0 other #3 'goes'"])
    #expect(desk.publish(1, "room", "goes", id: 4) == ["publish 1 room #4 'goes'"])
    #expect(desk.attached("room") == ["0: subscribed room #1", "publish 0 room #2 'waits'"])
    #expect(desk.publish(0, "room", "goes", id: 5) == ["publish 0 room #5 'goes'"])
  }

  @Test func everythingRunsInTheOrderItCame() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", id: 1)
    #expect(desk.publish(0, "room", "a", echo: false, id: 2) == [])
    #expect(desk.presence(0, "room", onlyCount: true, id: 3) == [])
    #expect(desk.subscribe(0, "room", id: 4) == [])
    #expect(desk.publish(0, "room", "b", id: 5) == [])
    #expect(desk.unsubscribe(0, "room", id: 6) == [])
    #expect(desk.publish(0, "room", "c", id: 7) == [])
    #expect(
      desk.attached("room") == [
        "0: subscribed room #1", "publish 0 room #2 'a' without c-0", "query 0 room #3 count",
        "0: subscribed room #4", "publish 0 room #5 'b'", "detach room", "0: unsubscribed room #6",
        "publish 0 room #7 'c'",
      ])
  }

  @Test func aDeferredSubscribeHoldsBackWhatCameAfterIt() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", id: 1)
    #expect(desk.subscribe(0, "room", .watch, id: 2) == [])
    #expect(desk.publish(0, "room", "a", id: 3) == [])
    #expect(desk.unsubscribe(0, "room", id: 4) == [])
    #expect(desk.attached("room") == ["0: subscribed room #1", "enter 0 room watch c-0 - -"])
    #expect(desk.publish(0, "room", "b", id: 5) == [])
    #expect(
      desk.entered(0, "room", roster()) == [
        "0: subscribed room #2 []", "publish 0 room #3 'a'", "detach room", "0: unsubscribed room #4",
        "publish 0 room #5 'b'",
      ])
  }

  /// The second subscribe belongs to a new life of the channel: only a confirmation that follows its `attach` answers
  /// it, since the broker may have lost the link between the two.
  @Test func subscribeUnsubscribeSubscribeIsConfirmedTwice() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", id: 1)
    _ = desk.unsubscribe(0, "room", id: 2)
    _ = desk.subscribe(0, "room", id: 3)
    #expect(
      desk.attached("room") == ["0: subscribed room #1", "detach room", "0: unsubscribed room #2", "attach room"])
    #expect(desk.attached("room") == ["0: subscribed room #3"])
  }

  @Test func commandsOfAFailedSubscribeRunAllTheSame() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", .member, id: 1)
    _ = desk.attached("room")
    _ = desk.publish(0, "room", "a", id: 2)
    _ = desk.unsubscribe(0, "room", id: 3)
    #expect(
      desk.notEntered(0, "room") == [
        "0: error unavailable #1", "leave c-0 room", "detach room", "publish 0 room #2 'a'",
        "0: unsubscribed room #3",
      ])
  }

  @Test func whatWasPublishedIsPublishedThoughTheConnectionCloses() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", id: 1)
    _ = desk.publish(0, "room", "a", id: 2)
    _ = desk.presence(0, "room", id: 3)
    _ = desk.publish(0, "room", "b")
    #expect(desk.close(0) == ["publish 0 room #2 'a'", "publish 0 room 'b'", "detach room"])
  }

  // MARK: Limits

  @Test func soManyCommandsMayWait() {
    var desk = Desk()
    desk.open(0, 1)
    _ = desk.subscribe(0, "room", id: 0)
    for id in 1...256 { #expect(desk.publish(0, "room", "\(id)", id: id) == []) }
    #expect(desk.publish(0, "room", "257", id: 257) == ["0: error rate_limited #257 retry after 1000"])
    #expect(desk.unsubscribe(0, "room", id: 258) == ["0: error rate_limited #258 retry after 1000"])
    let ran = desk.attached("room")
    #expect(ran.count == 257)
    #expect(ran.first == "0: subscribed room #0")
    #expect(Array(ran.dropFirst()) == (1...256).map { "publish 0 room #\($0) '\($0)'" })
  }

  @Test func soManyBytesMayWait() {
    var desk = Desk()
    desk.open(0)
    _ = desk.subscribe(0, "room", id: 0)
    let half = String(repeating: "x", count: 1 << 19)
    #expect(desk.publish(0, "room", half, id: 1) == [])
    #expect(desk.publish(0, "room", half, id: 2) == ["0: error rate_limited #2 retry after 1000"])
    #expect(desk.publish(0, "room", "small", id: 3) == [], "what fits still waits")
    #expect(desk.attached("room").count == 3)
  }

  @Test func whatWaitedForOneSubscribeDoesNotCountForTheNext() {
    var desk = Desk()
    desk.open(0)
    for round in 0..<3 {
      _ = desk.subscribe(0, "room", id: 0)
      for id in 1...256 { #expect(desk.publish(0, "room", "", id: id) == [], "round \(round)") }
      #expect(desk.attached("room").count == 257)
      _ = desk.unsubscribe(0, "room")
    }
  }
}
