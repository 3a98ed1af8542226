import Cluster
@testable import Broker
import Model
import TestSupport
import Testing

/// Random events against a made-up Redis: never two commands under way for one channel, everybody who waits is told
/// exactly once, nothing stays subscribed for nobody.
@Suite struct SubscriptionTableRandomTests {
  private static let names = ["a", "b", "c", "d"].map(channel)
  private static let loopCount = 4

  private struct Key: Hashable {
    let channel: ChannelName
    let loop: LoopIndex
  }

  private enum Command {
    case subscribe
    case unsubscribe
  }

  private struct Violation: Error, CustomStringConvertible {
    let description: String
  }

  private struct World {
    var interest = SubscriptionTable()
    var now: Int64 = 0
    var isLinked = false
    var attached: Set<Key> = []
    /// Those who have not been told `attached` since they came, or since the link was lost.
    var owed: Set<Key> = []
    /// What Redis was asked for and has not confirmed.
    var outstanding: [ChannelName: Command] = [:]
    var subscribed: Set<ChannelName> = []
    /// When the last loop left.
    var left: [ChannelName: Int64] = [:]
    var told = 0
    var givenUp = 0

    func check(_ condition: Bool, _ what: @autoclosure () -> String) throws {
      if !condition { throw Violation(description: what()) }
    }

    mutating func take(_ action: SubscriptionTable.Action?) throws {
      switch action {
      case nil: break
      case .subscribe(let channel):
        try check(isLinked, "SUBSCRIBE without a link")
        try check(outstanding[channel] == nil, "two commands for \(channel)")
        try check(!subscribed.contains(channel), "\(channel) is subscribed already")
        outstanding[channel] = .subscribe
      case .unsubscribe(let channel):
        try check(isLinked, "UNSUBSCRIBE without a link")
        try check(outstanding[channel] == nil, "two commands for \(channel)")
        try check(subscribed.contains(channel), "\(channel) is not subscribed")
        try check(!attached.contains { $0.channel == channel }, "\(channel) is wanted")
        try check(now - (left[channel] ?? now) >= SubscriptionTable.linger, "\(channel) did not linger")
        outstanding[channel] = .unsubscribe
        givenUp += 1
      case .attached(let channel, let loops):
        try check(subscribed.contains(channel), "\(channel) is not subscribed")
        try check(!loops.isEmpty, "told to nobody")
        for loop in loops {
          try check(owed.remove(Key(channel: channel, loop: loop)) != nil, "\(loop) was told of \(channel) already")
          told += 1
        }
      }
    }

    mutating func link() throws {
      isLinked = true
      for channel in interest.linked() { try take(.subscribe(channel)) }
    }

    mutating func lose() {
      isLinked = false
      outstanding = [:]
      subscribed = []
      owed = attached
      interest.linkLost()
    }

    mutating func answer(_ channel: ChannelName) throws {
      switch outstanding.removeValue(forKey: channel) {
      case nil: break
      case .subscribe:
        subscribed.insert(channel)
        try take(interest.confirmed(channel, now: now))
      case .unsubscribe:
        subscribed.remove(channel)
        try take(interest.ended(channel))
      }
    }

    mutating func toggle(_ key: Key) throws {
      if attached.remove(key) != nil {
        owed.remove(key)
        left[key.channel] = now
        interest.detach(key.channel, key.loop, now: now)
      } else {
        attached.insert(key)
        owed.insert(key)
        try take(interest.attach(key.channel, key.loop))
      }
    }

    mutating func expire() throws {
      for action in interest.expire(now: now) { try take(action) }
      if let next = interest.nextExpiry { try check(next > now, "an expiry was left over") }
    }

    func checkBetween() throws {
      for channel in names {
        let wanted = attached.filter { $0.channel == channel }
        try check(Set(interest.loops(of: channel)) == Set(wanted.map(\.loop)), "other loops of \(channel)")
        guard isLinked else { continue }
        let waits = owed.contains { $0.channel == channel }
        try check(!waits || outstanding[channel] != nil, "somebody waits for \(channel), and nothing is under way")
        let isIdle = subscribed.contains(channel) && wanted.isEmpty && outstanding[channel] == nil
        try check(!isIdle || interest.nextExpiry != nil, "\(channel) stays subscribed for ever")
      }
      try check(interest.activeCount == Set(attached.map(\.channel)).count, "activeCount")
    }
  }

  @Test(arguments: UInt64(0)..<24)
  func everybodyIsToldOnce(_ seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    var world = World()
    for step in 0..<4000 {
      do {
        try Self.step(&world, &generator)
        try world.checkBetween()
      } catch let violation as Violation {
        throw Violation(description: "seed \(seed), step \(step): \(violation)")
      }
    }
    #expect(world.told > 200 && world.givenUp > 20, "seed \(seed): \(world.told), \(world.givenUp)")
    do {
      try Self.finish(&world)
    } catch let violation as Violation {
      throw Violation(description: "seed \(seed), at the end: \(violation)")
    }
  }

  private static func step(_ world: inout World, _ generator: inout SplitMix64) throws {
    let name = names[Int.random(in: 0..<names.count, using: &generator)]
    switch Int.random(in: 0..<100, using: &generator) {
    case 0..<45:
      // Leaving is more frequent than coming, so that channels are empty at times.
      let key = Key(channel: name, loop: Int.random(in: 0..<loopCount, using: &generator))
      if world.attached.contains(key) || Int.random(in: 0..<3, using: &generator) == 0 { try world.toggle(key) }
    case 45..<75: try world.answer(name)
    case 75..<97:
      world.now += Int64.random(in: 0...1500, using: &generator)
      try world.expire()
    default:
      if world.isLinked {
        if Bool.random(using: &generator) { world.lose() }
      } else {
        try world.link()
      }
    }
  }

  private static func finish(_ world: inout World) throws {
    if !world.isLinked { try world.link() }
    for _ in 0..<4 { for name in names { try world.answer(name) } }
    try world.check(world.owed.isEmpty, "\(world.owed) were never told")
    for key in world.attached { try world.toggle(key) }
    for _ in 0..<4 {
      for name in names { try world.answer(name) }
      world.now += SubscriptionTable.linger
      try world.expire()
    }
    for name in names { try world.answer(name) }
    try world.check(world.subscribed.isEmpty, "\(world.subscribed) stay subscribed")
    try world.check(world.interest.activeCount == 0, "channels are left")
    try world.check(world.interest.nextExpiry == nil, "an expiry is left")
  }
}
