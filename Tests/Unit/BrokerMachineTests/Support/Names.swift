@testable import Broker
import Model

/// A channel name known to be good.
func channel(_ name: String) -> ChannelName {
  guard let channel = ChannelName(name) else { preconditionFailure("no channel name: \(name)") }
  return channel
}

/// A user name known to be good.
func user(_ name: String) -> UserName {
  guard let user = UserName(name) else { preconditionFailure("no user name: \(name)") }
  return user
}

func occupant(_ client: String, _ name: String? = nil, info: String? = nil) -> Occupant {
  Occupant(client: ClientID(client), user: name.map(user), info: info)
}

func loops(_ loops: LoopIndex...) -> LoopSet {
  var set = LoopSet()
  for loop in loops { set.insert(loop) }
  return set
}
