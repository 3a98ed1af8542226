/// A JSON object in its text, whose members are looked up by name: for those who read what a node has written.
///
/// Holds the text and where the members lie in it. Names are compared byte by byte; one that occurs twice means its first
/// member.
package struct JSONObject: Sendable {
  package let text: String
  private(set) var members: [(name: String, value: JSONValue)] = []

  /// Nil when `text` is no valid JSON object.
  package init?(_ text: String) {
    self.text = text
    var text = text
    let found = text.withUTF8 { Self.members(of: UnsafeRawBufferPointer($0)) }
    guard let found else { return nil }
    members = found
  }

  private static func members(of bytes: UnsafeRawBufferPointer) -> [(String, JSONValue)]? {
    guard var steps = JSONMembers(bytes) else { return nil }
    var found: [(String, JSONValue)] = []
    while true {
      switch steps.next() {
      case .member(let key, let value):
        guard let name = steps.scanner.string(key) else { continue }
        found.append((name, value))
      case .end: return found
      case .malformed: return nil
      }
    }
  }

  /// The member's text, if it is a string, escapes decoded.
  package func string(_ name: String) -> String? {
    guard let value = value(name), value.kind == .string else { return nil }
    return scan { $0.string(value.range) }
  }

  /// The member's number, if it is an integer of 64 bits.
  package func integer(_ name: String) -> Int? {
    guard let value = value(name), value.kind == .number else { return nil }
    return scan { Int($0.text(value.range)) }
  }

  /// Whether the member is `true`.
  package func isTrue(_ name: String) -> Bool {
    value(name)?.kind == .true
  }

  /// The member as it stands in the text, whatever it is.
  package func json(_ name: String) -> String? {
    value(name).map { value in scan { $0.text(value.range) } }
  }

  /// The objects in the member, if it is an array; what is no object is left out.
  package func objects(_ name: String) -> [JSONObject]? {
    guard let value = value(name), value.kind == .array else { return nil }
    return scan { $0.elements(of: value.range).compactMap(JSONObject.init) }
  }

  /// How many elements the member has, if it is an array.
  package func elementCount(_ name: String) -> Int? {
    guard let value = value(name), value.kind == .array else { return nil }
    return scan { $0.elementCount(of: value.range) }
  }

  func value(_ name: String) -> JSONValue? {
    // Swift's own comparison, which is the faster one, takes canonically equivalent names for equal.
    members.first { $0.name == name && $0.name.utf8.elementsEqual(name.utf8) }?.value
  }

  func scan<Result>(_ body: (JSONScanner) -> Result) -> Result {
    var text = text
    return text.withUTF8 { body(JSONScanner(UnsafeRawBufferPointer($0))) }
  }
}

extension JSONScanner {
  /// How many elements the valid array at `range` has.
  func elementCount(of range: Range<Int>) -> Int {
    var count = 0
    var position = skipSpace(at: range.lowerBound + 1)
    while position < range.upperBound - 1, let end = skipValue(at: position) {
      count += 1
      position = skipSpace(at: skipSpace(at: end) + 1)
    }
    return count
  }

  /// The texts of the elements of the valid array at `range`.
  func elements(of range: Range<Int>) -> [String] {
    var elements: [String] = []
    var position = skipSpace(at: range.lowerBound + 1)
    while position < range.upperBound - 1, let end = skipValue(at: position) {
      elements.append(text(position..<end))
      // Over the comma; after the last element this is the array's end.
      position = skipSpace(at: skipSpace(at: end) + 1)
    }
    return elements
  }
}
