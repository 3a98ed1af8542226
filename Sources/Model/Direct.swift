/// Who an event is for that belongs to no channel.
package enum Addressee: Hashable, Sendable {
  /// Every connection of one user, on all nodes.
  case user(UserName)
  /// Everybody who is connected, on all nodes; not who must say who they are and have not.
  case everybody
}

/// An event that belongs to no channel; `data` is JSON text.
package enum DirectEvent: Sendable {
  /// What a client sends; `from` is nil for an anonymous one.
  case direct(from: UserName?, client: ClientID, data: [UInt8])
  /// What the control plane tells.
  case notification(data: [UInt8])

  package var data: [UInt8] {
    switch self {
    case .direct(from: _, client: _, let data), .notification(let data): data
    }
  }
}
