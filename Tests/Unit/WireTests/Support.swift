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

/// SplitMix64: the same numbers for the same seed, on every machine.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

extension ChannelName {
  /// A name known to be good.
  static func known(_ name: String) throws -> ChannelName {
    try #require(ChannelName(name))
  }
}
