import Cluster
@testable import Broker
import Model
import TestSupport

func connection(_ client: String, _ name: String? = nil, info: String? = nil) -> MemberConnection {
  MemberConnection(client: ClientID(client), user: name.map(user), info: info)
}

func loops(_ loops: LoopIndex...) -> LoopSet {
  var set = LoopSet()
  for loop in loops { set.insert(loop) }
  return set
}
