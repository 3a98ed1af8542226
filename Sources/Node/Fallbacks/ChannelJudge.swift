import Model
import Server

/// Whether a client may be in channels without Redis being asked: by the rules and by what its token grants.
struct ChannelJudge: Sendable {
  let rules: @Sendable () -> ChannelRules

  /// A channel in which the client may be in the way it wants; throws where it may not.
  func judged(
    _ asked: StreamOpening.Channel, _ identity: Identity?
  ) throws(RouteError) -> StreamOpening.Channel {
    let name = asked.name
    let forbidden = { (message: String) in RouteError(Refusal(.forbidden, message), channel: name.string) }
    guard !name.isReserved else { throw forbidden("Channels that begin with $ belong to the server.") }
    guard let rule = rule(for: name) else { throw forbidden("There is no rule for the channel \(name).") }
    var wanted: [Capabilities] = [.subscribe]
    if asked.mode != .none { wanted.append(.presence) }
    if asked.since != nil { wanted.append(.history) }
    for capability in wanted {
      if let message = rule.denial(of: capability, in: name, to: identity, isSubscribed: false) {
        throw forbidden(message)
      }
    }
    var judged = asked
    judged.tellsPosition = rule.denial(of: .history, in: name, to: identity, isSubscribed: true) == nil
    return judged
  }

  func judged(
    _ asked: [StreamOpening.Channel], _ identity: Identity?
  ) throws(RouteError) -> [StreamOpening.Channel] {
    var judged: [StreamOpening.Channel] = []
    for channel in asked { judged.append(try self.judged(channel, identity)) }
    return judged
  }

  func rule(for channel: ChannelName) -> ChannelRule? { rules().rule(for: channel) }
}
