import Redis

/// The commands of publish and subscribe: the classic ones, and in a Redis Cluster those that stay within a slot.
enum PubSub {
  case classic, sharded

  var publish: StaticString {
    switch self {
    case .classic: "PUBLISH"
    case .sharded: "SPUBLISH"
    }
  }

  var subscribe: String {
    switch self {
    case .classic: "SUBSCRIBE"
    case .sharded: "SSUBSCRIBE"
    }
  }

  var unsubscribe: String {
    switch self {
    case .classic: "UNSUBSCRIBE"
    case .sharded: "SUNSUBSCRIBE"
    }
  }

  /// The text of a script, which is written for the classic commands.
  func text(of script: Script) -> [UInt8] {
    guard case .sharded = self else { return script.source }
    let text = String(decoding: script.source, as: UTF8.self)
    return Array(text.replacing("'PUBLISH'", with: "'SPUBLISH'").utf8)
  }
}

/// Something that comes by a subscription, lent as the reply is.
enum Push {
  case message(name: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer)
  case subscribed(UnsafeRawBufferPointer)
  case unsubscribed(UnsafeRawBufferPointer)
  /// The answer to PING with that number.
  case pong(Int)
  case error(RedisError)

  /// Nil for what is none of these.
  init?(_ reply: RedisReplyView, _ pubSub: PubSub) {
    guard let kind = reply[0]?.bytes, let name = reply[1]?.bytes else {
      if let error = reply.error {
        self = .error(error)
      } else if case .sharded = pubSub, let number = Int(reply.string) {
        // With no subscription left it comes as outside of pub/sub.
        self = .pong(number)
      } else {
        return nil
      }
      return
    }
    let isSharded = if case .sharded = pubSub { kind.first == UInt8(ascii: "s") } else { false }
    switch kind.dropFirst(isSharded ? 1 : 0).first {
    case UInt8(ascii: "m"):
      guard let payload = reply[2]?.bytes else { return nil }
      self = .message(name: name, payload: payload)
    case UInt8(ascii: "s"): self = .subscribed(name)
    case UInt8(ascii: "u"): self = .unsubscribed(name)
    case UInt8(ascii: "p"):
      guard let number = Int(String(decoding: name, as: UTF8.self)) else { return nil }
      self = .pong(number)
    default: return nil
    }
  }
}
