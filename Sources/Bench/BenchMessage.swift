import Glibc
import Protocol

/// A message as the bench sends and recognises it: its data names the moment it was meant to leave and its number.
struct BenchMessage: Equatable {
  /// Nanoseconds of the monotonic clock.
  var intended: UInt64
  /// Counts all messages of the run.
  var number: Int

  private static let marker = Array(#"{"t":""#.utf8)
  private static let middle = Array(#"","n":""#.utf8)
  private static let momentDigits = 19
  private static let numberDigits = 12
  private static let frame = #"{"t":"","n":"","x":""}"#.utf8.count
  /// The shortest data that holds both, in bytes.
  static let minPayload = frame + momentDigits + numberDigits

  /// A command that publishes data of `payload` bytes, and where in it the digits begin.
  static func template(channel: String, payload: Int) -> (text: [UInt8], digits: Int) {
    let filling = String(repeating: "x", count: payload - minPayload)
    let zeros = (String(repeating: "0", count: momentDigits), String(repeating: "0", count: numberDigits))
    let text = CommandEncoder.publish(
      #"{"t":"\#(zeros.0)","n":"\#(zeros.1)","x":"\#(filling)"}"#, to: channel, id: nil)
    let bytes = Array(text.utf8)
    let start = bytes.firstRange(of: marker)?.upperBound ?? 0
    return (bytes, start)
  }

  /// Writes the digits into a template.
  func write(to text: inout [UInt8], digits: Int) {
    Self.write(intended, to: &text, at: digits, count: Self.momentDigits)
    Self.write(UInt64(number), to: &text, at: digits + Self.momentDigits + Self.middle.count, count: Self.numberDigits)
  }

  private static func write(_ value: UInt64, to text: inout [UInt8], at start: Int, count: Int) {
    var rest = value
    for place in (start..<start + count).reversed() {
      text[place] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    }
  }

  init(intended: UInt64, number: Int) {
    self.intended = intended
    self.number = number
  }

  /// The message in an event's text, or nil when it is none of ours.
  init?(in event: UnsafeRawBufferPointer) {
    guard let moment = Self.endOfMarker(in: event) else { return nil }
    let number = moment + Self.momentDigits + Self.middle.count
    guard number + Self.numberDigits <= event.count,
      let intended = Self.read(event, at: moment, count: Self.momentDigits),
      let count = Self.read(event, at: number, count: Self.numberDigits)
    else { return nil }
    self.init(intended: intended, number: Int(count))
  }

  private static func endOfMarker(in event: UnsafeRawBufferPointer) -> Int? {
    guard let base = event.baseAddress else { return nil }
    // The event's own brace, and whatever braces names may hold, stand before that of the data.
    var start = 0
    while start + marker.count <= event.count,
      let brace = memchr(base + start, Int32(UInt8(ascii: "{")), event.count - start - marker.count + 1)
    {
      let place = base.distance(to: brace)
      if event[place..<place + marker.count].elementsEqual(marker) { return place + marker.count }
      start = place + 1
    }
    return nil
  }

  private static func read(_ bytes: UnsafeRawBufferPointer, at start: Int, count: Int) -> UInt64? {
    var value: UInt64 = 0
    for place in start..<start + count {
      let digit = bytes[place] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      value = value * 10 + UInt64(digit)
    }
    return value
  }
}
