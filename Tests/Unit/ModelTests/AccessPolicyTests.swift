import Model
import TestSupport
import Testing

/// The whole table: every level against nobody, a user, a user in the channel, and users with grants.
@Suite struct AccessPolicyTests {
  private enum Who: CaseIterable {
    case nobody, user, subscriber, granted, grantedOther, grantedElsewhere
  }

  private let name = channel("room:1")

  private func identity(_ who: Who, _ capability: Capabilities) throws -> Identity? {
    let (room, other) = (try #require(ChannelPattern("room:*")), try #require(ChannelPattern("other")))
    let user = try #require(UserName("alice"))
    return switch who {
    case .nobody: nil
    case .user, .subscriber: Identity(user: user)
    case .granted: Identity(user: user, grants: [Grant(other, []), Grant(room, capability), Grant(room, [])])
    case .grantedOther:
      Identity(user: user, grants: [Grant(room, Capabilities(rawValue: .max).subtracting(capability))])
    case .grantedElsewhere: Identity(user: user, grants: [Grant(other, Capabilities(rawValue: .max))])
    }
  }

  private func allowed(_ rule: ChannelRule, _ capability: Capabilities) throws -> [Who] {
    try Who.allCases.filter { who in
      rule.denial(
        of: capability, in: name, to: try identity(who, capability), isSubscribed: who == .subscriber) == nil
    }
  }

  private func rule(_ change: (inout ChannelRule) -> Void) -> ChannelRule {
    var rule = ChannelRule.standard(.all, isOpen: true)
    change(&rule)
    return rule
  }

  @Test func publishing() throws {
    func allowed(_ level: PublishLevel) throws -> [Who] { try self.allowed(rule { $0.publish = level }, .publish) }
    #expect(try allowed(.anyone) == [.nobody, .user, .subscriber, .granted])
    #expect(try allowed(.authenticated) == [.user, .subscriber, .granted])
    #expect(try allowed(.members) == [.subscriber, .granted])
    #expect(try allowed(.server) == [])
  }

  @Test func signalling() throws {
    func allowed(_ level: PublishLevel) throws -> [Who] { try self.allowed(rule { $0.signal = level }, .signal) }
    #expect(try allowed(.anyone) == [.nobody, .user, .subscriber, .granted])
    #expect(try allowed(.authenticated) == [.user, .subscriber, .granted])
    #expect(try allowed(.members) == [.subscriber, .granted])
    #expect(try allowed(.server) == [])
  }

  @Test(arguments: [Capabilities.subscribe, .presence, .history])
  func listening(_ capability: Capabilities) throws {
    func allowed(_ level: SubscribeLevel) throws -> [Who] {
      try self.allowed(rule { $0.subscribe = level }, capability)
    }
    #expect(try allowed(.anyone) == [.nobody, .user, .subscriber, .granted])
    #expect(try allowed(.authenticated) == [.user, .subscriber, .granted])
    #expect(try allowed(.token) == [.granted])
  }

  @Test func presenceThatIsOffIsOffForEverybody() throws {
    #expect(try allowed(rule { $0.hasPresence = false }, .presence) == [])
    #expect(try allowed(rule { $0.hasPresence = false }, .subscribe) == [.nobody, .user, .subscriber, .granted])
  }

  @Test func grantsAddUp() throws {
    let room = try #require(ChannelPattern("room:*"))
    let identity = Identity(
      user: try #require(UserName("alice")), grants: [Grant(.all, .subscribe), Grant(room, .publish)])
    let rule = ChannelRule.standard(.all, isOpen: false)
    for capability in [Capabilities.subscribe, .publish] {
      #expect(rule.denial(of: capability, in: name, to: identity, isSubscribed: false) == nil)
    }
    #expect(rule.denial(of: .publish, in: channel("news"), to: identity, isSubscribed: false) != nil)
  }

  @Test func whatIsMissingIsSaid() throws {
    func message(_ who: Who, _ capability: Capabilities, _ rule: ChannelRule) throws -> String? {
      rule.denial(of: capability, in: name, to: try identity(who, capability), isSubscribed: false)
    }
    let closed = ChannelRule.standard(.all, isOpen: false)
    #expect(
      try message(.nobody, .subscribe, closed) == "To subscribe to room:1 you must authenticate with a token.")
    #expect(try message(.grantedOther, .publish, closed) == "Your token does not grant publish in room:1.")
    #expect(
      try message(.user, .publish, rule { $0.publish = .members })
        == "To publish to room:1 you must subscribe to it first.")
    #expect(try message(.user, .publish, rule { $0.publish = .server }) == "Only the server may publish to room:1.")
    #expect(
      try message(.user, .presence, rule { $0.subscribe = .token })
        == "To see the presence in room:1 you need a token that grants presence there.")
  }
}
