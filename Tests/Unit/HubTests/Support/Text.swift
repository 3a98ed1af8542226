import Model

/// A frame whose payload is that text.
func frame(_ text: String) -> Frame {
  let bytes = Array(text.utf8)
  return Frame.make(headerCount: 2, payloadCount: bytes.count) { buffer in
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    UnsafeMutableRawBufferPointer(rebasing: buffer[2...]).copyBytes(from: bytes)
  }
}

/// The payload of a frame as text.
func text(_ frame: Frame) -> String {
  frame.withPayload { String(decoding: $0, as: UTF8.self) }
}

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

/// A roster of one entry for each of `users`.
func roster(_ users: String...) -> Roster {
  Roster(
    members: users.map { Member(user: user($0), client: nil, clients: 1, info: nil) }, count: users.count)
}
