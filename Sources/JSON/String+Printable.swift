/// Text of peers, as a terminal or a log may show it.
extension String {
  /// The same on one line, without what could control a terminal: such characters as `\u{1b}`.
  package var printable: String {
    guard !utf8.allSatisfy(\.isPrintableASCII) else { return self }
    return unicodeScalars.reduce(into: "") { text, scalar in
      if scalar.isUnprintable {
        text += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
  }

  /// JSON text of the same value on one line, without what could control a terminal: such characters as `\u001b` inside
  /// strings, white space between tokens as blanks.
  package var printableJSON: String {
    guard !utf8.allSatisfy(\.isPrintableASCII) else { return self }
    var isInString = false
    var isEscaped = false
    return unicodeScalars.reduce(into: "") { text, scalar in
      if isInString {
        isInString = isEscaped || scalar != "\""
        isEscaped = !isEscaped && scalar == "\\"
      } else {
        isInString = scalar == "\""
      }
      if !scalar.isUnprintable {
        text.unicodeScalars.append(scalar)
      } else if !isInString, ["\t", "\n", "\r"].contains(scalar) {
        text.append(" ")
      } else {
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      }
    }
  }
}

extension Unicode.Scalar {
  /// Whether it acts instead of being shown: a control character (C0, DEL, C1), a line or paragraph separator, or one
  /// that turns the direction of what stands around it.
  fileprivate var isUnprintable: Bool {
    switch value {
    case 0..<0x20, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}

extension UInt8 {
  fileprivate var isPrintableASCII: Bool { (0x20..<0x7F).contains(self) }
}
