import Model

/// What those read who must not be led astray: members by their kind, and whether there is one of each.
extension JSONObject {
  /// Whether no name occurs twice, so that nobody can read the object otherwise.
  package var isUnambiguous: Bool {
    Set(names.map(ExactString.init)).count == members.count
  }

  /// The members' names, in order.
  package var names: [String] { members.map(\.name) }

  /// Of which kind the member is; nil when there is none.
  package func kind(_ name: String) -> JSONKind? {
    value(name)?.kind
  }

  /// The member's number, if it is one that is finite.
  package func number(_ name: String) -> Double? {
    guard let value = value(name), value.kind == .number else { return nil }
    return scan { Double($0.text(value.range)) }.flatMap { $0.isFinite ? $0 : nil }
  }

  /// The member, if it is an object.
  package func object(_ name: String) -> JSONObject? {
    guard kind(name) == .object else { return nil }
    return json(name).flatMap(JSONObject.init)
  }

  /// The integers in the member, if it is an array of nothing else.
  package func integers(_ name: String) -> [Int]? {
    guard let value = value(name), value.kind == .array else { return nil }
    return scan { scanner in
      var integers: [Int] = []
      for element in scanner.elements(of: value.range) {
        guard let integer = Int(element) else { return nil }
        integers.append(integer)
      }
      return integers
    }
  }

  /// The strings in the member, if it is an array of nothing else.
  package func strings(_ name: String) -> [String]? {
    guard let value = value(name), value.kind == .array else { return nil }
    return scan { scanner in
      var strings: [String] = []
      for element in scanner.elements(of: value.range) {
        guard element.utf8.first == UInt8(ascii: "\""), let string = Self.string(element) else { return nil }
        strings.append(string)
      }
      return strings
    }
  }

  private static func string(_ json: String) -> String? {
    var json = json
    return json.withUTF8 { bytes in JSONScanner(UnsafeRawBufferPointer(bytes)).string(0..<bytes.count) }
  }
}
