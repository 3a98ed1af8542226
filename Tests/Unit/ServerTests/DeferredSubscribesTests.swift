import Testing

@testable import Server

@Suite struct DeferredSubscribesTests {
  private let text = Array(#"{"type":"subscribe","channel":"a"}"#.utf8)

  @Test func aSubscribeWaitsForItsToken() {
    var deferred = DeferredSubscribes(most: 128)
    #expect(deferred.due(3) == nil)
    deferred.begin(3, text, after: 20, now: 1000)
    #expect(deferred.due(3) == 1020)
    #expect(deferred.bytes == text.count)
    #expect(deferred.end(3) == text)
    #expect(deferred.end(3) == nil && deferred.due(3) == nil && deferred.bytes == 0)
  }

  @Test func onlyOfNewConnections() {
    let deferred = DeferredSubscribes(most: 128)
    #expect(deferred.mayBegin(0, age: 0, delay: 20) && deferred.mayBegin(0, age: 29_999, delay: 20))
    #expect(!deferred.mayBegin(0, age: 30_000, delay: 20))
  }

  @Test func onlyForATokenThatCanCome() {
    let deferred = DeferredSubscribes(most: 128)
    #expect(deferred.mayBegin(0, age: 0, delay: 9999))
    #expect(!deferred.mayBegin(0, age: 0, delay: 10_000))
  }

  @Test func onlyAsManyAsItMayHaveChannels() {
    var deferred = DeferredSubscribes(most: 2)
    for now in [0, 100] as [Int64] {
      #expect(deferred.mayBegin(0, age: now, delay: 20))
      deferred.begin(0, text, after: 20, now: now)
      _ = deferred.end(0)
    }
    #expect(!deferred.mayBegin(0, age: 200, delay: 20))
    #expect(deferred.mayBegin(1, age: 200, delay: 20), "another connection has not used up its own")
    deferred.forget(0)
    #expect(deferred.mayBegin(0, age: 0, delay: 20), "the next connection of the slot")
  }

  @Test func tenSecondsAtMost() {
    var deferred = DeferredSubscribes(most: 1)
    deferred.begin(0, text, after: 60_000, now: 0)
    #expect(deferred.due(0) == 10_000)
    #expect(deferred.mayGoOn(0, now: 9999) && !deferred.mayGoOn(0, now: 10_000))
    deferred.goOn(0, after: 60_000, isShared: false, now: 20)
    #expect(deferred.due(0) == 10_000, "it is told then, not when there would be a token")
    deferred.goOn(0, after: 5, isShared: true, now: 12_000)
    #expect(deferred.due(0) == 12_001, "never at once")
  }

  /// Whoever competes for the tokens of a user looks seldom, however fast they come.
  @Test func aWaitIsAFewLooks() {
    for rate in [1, 20, 1000] as [Int64] {
      var deferred = DeferredSubscribes(most: 1)
      deferred.begin(0, text, after: rate, now: 0)
      var looks = 0
      while let now = deferred.due(0), deferred.mayGoOn(0, now: now) {
        looks += 1
        deferred.goOn(0, after: rate, isShared: true, now: now)
      }
      #expect((5...25).contains(looks), "\(looks) looks at a token each \(rate) ms")
    }
  }

  @Test func whatIsHeldIsBounded() {
    var deferred = DeferredSubscribes(most: 10)
    var held: UInt32 = 0
    while deferred.mayBegin(held, age: 0, delay: 20) {
      deferred.begin(held, text, after: 20, now: 0)
      deferred.hold(held, 131_072)
      held += 1
    }
    #expect((100...128).contains(held))
    deferred.hold(0, 0)
    #expect(deferred.bytes == Int(held) * (text.count + 131_072) - 131_072)
    for slot in 0..<held { deferred.forget(slot) }
    #expect(deferred.bytes == 0)
    deferred.hold(0, 5)
    #expect(deferred.bytes == 0, "nothing waits")
  }
}
