import Model
import TestSupport

/// Random comings and goings in a few channels; `PresenceTwin` compares what comes of them.
struct RandomPresence {
  private static let channels: [ChannelName] = ["room", "ré:1"]
  private static let users: [UserName?] = [nil, "alice", "bob", "é", #"q"\"#]

  private var generator: SplitMix64
  /// Users and anonymous connections that have come and gone, answers without the members that were asked for, and
  /// connections that came again or went beside another of the same user.
  private(set) var (come, gone, truncated, unheard) = (0, 0, 0, 0)

  init(seed: UInt64) {
    generator = SplitMix64(seed: seed)
  }

  mutating func step(_ twin: PresenceTwin) throws {
    let channel = pick(Self.channels)
    twin.now += number(0...2)
    switch number(0...9) {
    case 0...4:
      let (client, user) = connection()
      let info = pick([nil, "1", #"{"n":\#(number(0...999))}"#])
      let member = MemberConnection(client: client, user: user, info: info)
      if try twin.join(member, channel, isAgain: number(0...3) == 0) { come += 1 } else { unheard += 1 }
    case 5...7:
      let leavers = (0...number(0...3)).map { _ in connection() }
      let left = try twin.leave(leavers, channel)
      gone += left
      unheard += leavers.count - left
    default:
      let roster = try twin.roster(
        channel, onlyCount: number(0...3) == 0, maxBytes: pick([300, 1000, Roster.maxBytes]))
      if roster.isTruncated { truncated += 1 }
    }
    try twin.expectNoLeftovers()
  }

  /// One of thirty; each belongs to the same user always.
  private mutating func connection() -> (client: ClientID, user: UserName?) {
    let number = number(0...29)
    return (ClientID("c-\(number)"), Self.users[number % Self.users.count])
  }

  private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

  private mutating func pick<Element>(_ elements: [Element]) -> Element { elements[number(0...(elements.count - 1))] }
}
