/// A user's name: 1 to 200 bytes of UTF-8 without control characters.
package struct UserName: Hashable, Sendable, CustomStringConvertible {
  /// The longest name, in bytes of UTF-8.
  package static let maxLength = 200

  package let text: ExactString

  /// The user of that name, or nil when the name breaks a rule.
  package init?(_ name: String) {
    guard !name.isEmpty, name.utf8.count <= Self.maxLength else { return nil }
    for scalar in name.unicodeScalars where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) { return nil }
    text = ExactString(name)
  }

  package var string: String { text.value }
  package var description: String { text.value }
}

/// The id of one connection, unique over all nodes and all time: `c-` and 12 characters of base 62 (71 random bits).
///
/// Fourteen bytes fit into a Swift string without an allocation.
package struct ClientID: Hashable, Sendable, CustomStringConvertible {
  package let string: String

  package init(_ string: String) {
    self.string = string
  }

  /// The id that somebody has sent; nil for what no connection is called: 1 to 64 letters, digits, `-`, `_` and `.`.
  package init?(checking text: String) {
    let isAllowed = { (byte: UInt8) in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
    // One that is `-` alone means nobody between nodes.
    guard (1...64).contains(text.utf8.count), text != "-", text.utf8.allSatisfy(isAllowed) else { return nil }
    string = text
  }

  /// A new id, never given before.
  package static func random(using generator: inout some RandomNumberGenerator) -> ClientID {
    ClientID("c-" + Base62.random(12, using: &generator))
  }

  package var description: String { string }
}

/// The id of one life of one node: `<name>.<random>`, new at every start and after every lost lease, never reused.
package struct NodeID: Hashable, Sendable, CustomStringConvertible {
  /// The part people chose: `[A-Za-z0-9-]{1,40}`.
  package let name: String
  package let string: String

  /// A new id for the node of that name, or nil when the name breaks the rule.
  package init?(name: String, using generator: inout some RandomNumberGenerator) {
    guard Self.isValidName(name) else { return nil }
    self.name = name
    self.string = name + "." + Base62.random(6, using: &generator)
  }

  /// Whether that can be the id of a node.
  package static func isValid(_ id: String) -> Bool {
    let parts = id.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 2 && isValidName(String(parts[0])) && isValidName(String(parts[1]))
  }

  /// Whether a node may be called that.
  package static func isValidName(_ name: String) -> Bool {
    (1...40).contains(name.utf8.count) && name.utf8.allSatisfy(isAllowed)
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
      true
    default: false
    }
  }

  package var description: String { string }
}

/// What a client calls its command: the JSON text of its `id`, given back exactly as it came.
package struct RequestID: Hashable, Sendable {
  /// The JSON token: a string with its quotes and escapes, or an integer.
  package let json: String

  package init(json: String) {
    self.json = json
  }
}

/// Random text of the 62 letters and digits.
enum Base62 {
  private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
  /// Digits taken from one 64-bit draw: 62^10 is less than 2^60, so none is noticeably likelier than another.
  private static let digitsPerDraw = 10

  /// The last digits of a number; at most 10.
  static func digits(_ count: Int, of number: UInt) -> String {
    String(unsafeUninitializedCapacity: count) { bytes in
      var rest = number
      for index in 0..<count {
        bytes[index] = alphabet[Int(rest % 62)]
        rest /= 62
      }
      return count
    }
  }

  static func random(_ count: Int, using generator: inout some RandomNumberGenerator) -> String {
    String(unsafeUninitializedCapacity: count) { bytes in
      var draw: UInt64 = 0
      for index in 0..<count {
        if index % digitsPerDraw == 0 { draw = generator.next() }
        bytes[index] = alphabet[Int(draw % 62)]
        draw /= 62
      }
      return count
    }
  }
}
