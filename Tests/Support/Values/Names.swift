import Model

/// A channel name known to be good.
package func channel(_ name: String) -> ChannelName {
  guard let channel = ChannelName(name) else { preconditionFailure("no channel name: \(name)") }
  return channel
}

/// A user name known to be good.
package func user(_ name: String) -> UserName {
  guard let user = UserName(name) else { preconditionFailure("no user name: \(name)") }
  return user
}
