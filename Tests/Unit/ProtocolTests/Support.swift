import Model
import Testing
import WebSocket

/// The payload of a frame as text.
func payload(_ frame: Frame) -> String {
  frame.withPayload { String(decoding: $0, as: UTF8.self) }
}

extension ChannelName {
  /// A name known to be good.
  static func known(_ name: String) throws -> ChannelName {
    try #require(ChannelName(name))
  }
}
