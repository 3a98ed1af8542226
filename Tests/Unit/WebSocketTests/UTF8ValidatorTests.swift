import Testing
import WebSocket

@Suite struct UTF8ValidatorTests {
  /// The bytes at either side of every boundary in the table of RFC 3629 section 4.
  private static let boundaries: [UInt8] = [
    0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0,
    0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
  ]

  private func isValid(_ bytes: [UInt8]) -> Bool {
    var validator = UTF8Validator()
    return bytes.withUnsafeBytes { validator.validate($0) } && validator.isComplete
  }

  /// How many bytes pass, one at a time.
  private func accepted(_ bytes: [UInt8]) -> Int {
    var validator = UTF8Validator()
    return bytes.firstIndex { byte in !withUnsafeBytes(of: byte) { validator.validate($0) } } ?? bytes.count
  }

  private func isValidByReference(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

  /// The longest beginning that some valid text has too.
  private func acceptedByReference(_ bytes: [UInt8]) -> Int {
    let endings: [[UInt8]] = [0x80, 0x90, 0xA0].flatMap { [[$0], [$0, 0x80], [$0, 0x80, 0x80]] } + [[]]
    return (0...bytes.count).last { count in
      endings.contains { isValidByReference(bytes.prefix(count) + $0) }
    } ?? 0
  }

  @Test func allOfOneAndTwoBytes() {
    for first in UInt8.min...UInt8.max {
      check([first])
      for second in UInt8.min...UInt8.max { check([first, second]) }
    }
  }

  @Test func boundariesOfThreeBytes() {
    for first in Self.boundaries {
      for second in Self.boundaries {
        for third in Self.boundaries { check([first, second, third]) }
      }
    }
  }

  @Test func boundariesOfFourBytes() {
    // Whatever does not begin a sequence of four is covered by the shorter ones.
    for first in Self.boundaries where first >= 0xE0 {
      for second in Self.boundaries {
        for third in Self.boundaries {
          for fourth in Self.boundaries {
            let bytes = [first, second, third, fourth]
            if isValid(bytes) != isValidByReference(bytes) { Issue.record("\(bytes)") }
          }
        }
      }
    }
  }

  private func check(_ bytes: [UInt8]) {
    if isValid(bytes) != isValidByReference(bytes) { Issue.record("\(bytes)") }
    if accepted(bytes) != acceptedByReference(bytes) { Issue.record("\(bytes) is refused at \(accepted(bytes))") }
  }

  @Test func everyScalarIsAccepted() {
    var text = ""
    for value in 0...0x10FFFF as ClosedRange<UInt32> {
      if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
    }
    #expect(isValid(Array(text.utf8)))
  }

  @Test func noSurrogateIsAccepted() {
    for value in 0xD800...0xDFFF {
      let bytes = [0xED, UInt8(0x80 | value >> 6 & 0x3F), UInt8(0x80 | value & 0x3F)]
      if accepted(bytes) != 1 { Issue.record("\(bytes)") }
    }
  }

  @Test func wideStepsSeeEveryByte() {
    for count in 1...70 {
      for position in 0..<count {
        var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: count)
        bytes[position] = 0xFF
        #expect(!isValid(bytes))
        #expect(accepted(bytes) == position)
        bytes.replaceSubrange(position...position, with: "€".utf8)
        #expect(isValid(bytes))
        #expect(!isValid(bytes.dropLast(count - position)), "a character that is cut short")
      }
    }
  }

  @Test func piecesAreOneText() {
    let bytes = Array("aé€😀-κόσμε-\u{10FFFF}\u{FFFF}".utf8)
    for first in 0...bytes.count {
      for second in first...bytes.count {
        var validator = UTF8Validator()
        for piece in [bytes[..<first], bytes[first..<second], bytes[second...]] {
          #expect(Array(piece).withUnsafeBytes { validator.validate($0) })
        }
        #expect(validator.isComplete)
      }
    }
  }
}
