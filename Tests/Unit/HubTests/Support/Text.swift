import Hub
import Model
import TestSupport

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

/// A roster of one entry for each of `users`.
func roster(_ users: String...) -> Roster {
  Roster(
    members: users.map { Member(user: user($0), client: nil, clients: 1, info: nil) }, count: users.count)
}

/// Rates of users where there are none.
final class NoUsers: UserRates {
  func acquire(_ user: UserName, now: Int64) -> SharedTokenBucket { SharedTokenBucket() }
  func release(_ user: UserName, now: Int64) {}
}
