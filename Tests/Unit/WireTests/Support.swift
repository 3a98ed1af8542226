import Model
import Testing
import Wire

/// Lends the UTF-8 of `text`.
func withBytes<Result>(of text: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
  Array(text.utf8).withUnsafeBytes(body)
}

func isValidJSON(_ text: String) -> Bool {
  withBytes(of: text, JSONScanner.validate)
}

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
