import JSON

/// The form of a value that the HTTP API takes or gives: what `/openapi.json` tells of it, and what a body is checked by.
indirect enum Schema: Sendable {
  case anything
  case boolean
  case integer(ClosedRange<Int>)
  case number
  case nullable(Schema)
  /// So many bytes of UTF-8; one of `values` where there are any. The pattern, in the dialect of ECMA-262, is told, and what
  /// breaks it is refused by who reads the value.
  case string(minBytes: Int = 0, maxBytes: Int? = nil, pattern: String? = nil, values: [String] = [])
  case array(Schema, maxCount: Int? = nil)
  case object([Member])
  /// What else holds of it, as keywords of JSON Schema, which who reads the value checks.
  case constrained(Schema, keywords: String)

  /// A member of an object.
  struct Member: Sendable {
    let name: String
    let schema: Schema
    var isRequired = true
    /// A sentence.
    let meaning: String

    init(_ name: String, _ schema: Schema, optional: Bool = false, _ meaning: String) {
      self.name = name
      self.schema = schema
      isRequired = !optional
      self.meaning = meaning
    }
  }

  // MARK: OpenAPI

  /// Writes it as a schema of OpenAPI 3.1, which is JSON Schema.
  func write(to writer: inout ByteWriter, meaning: String? = nil) {
    writer.append(byte: UInt8(ascii: "{"))
    writeKeywords(to: &writer, meaning: meaning)
    writer.append(byte: UInt8(ascii: "}"))
  }

  private func writeKeywords(to writer: inout ByteWriter, meaning: String?) {
    switch self {
    case .anything: if meaning == nil { writer.append(literal: #""description":"any JSON value""#) }
    case .boolean: writer.append(literal: #""type":"boolean""#)
    case .number: writer.append(literal: #""type":"number""#)
    case .nullable(let schema):
      writer.append(literal: #""anyOf":["#)
      schema.write(to: &writer)
      writer.append(literal: #",{"type":"null"}]"#)
    case .integer(let range):
      writer.append(literal: #""type":"integer","minimum":"#)
      writer.append(range.lowerBound)
      writer.append(literal: #","maximum":"#)
      writer.append(range.upperBound)
    case .string(let minBytes, let maxBytes, let pattern, let values):
      writer.append(literal: #""type":"string""#)
      if minBytes > 0 {
        writer.append(literal: #","minLength":"#)
        writer.append(minBytes)
      }
      if let pattern {
        writer.append(literal: #","pattern":"#)
        writer.append(quoting: pattern)
      }
      if let maxBytes {
        // Characters there, bytes here: a string of that many bytes has at most as many characters.
        writer.append(literal: #","maxLength":"#)
        writer.append(maxBytes)
      }
      if !values.isEmpty {
        writer.append(literal: #","enum":"#)
        writer.append(list: values) { $1.append(quoting: $0) }
      }
    case .array(let element, let maxCount):
      writer.append(literal: #""type":"array""#)
      if let maxCount {
        writer.append(literal: #","maxItems":"#)
        writer.append(maxCount)
      }
      writer.append(literal: #","items":"#)
      element.write(to: &writer)
    case .constrained(let schema, let keywords):
      schema.writeKeywords(to: &writer, meaning: nil)
      writer.append(utf8: "," + keywords)
    case .object(let members):
      writer.append(literal: #""type":"object","required":"#)
      writer.append(list: members.filter(\.isRequired)) { $1.append(quoting: $0.name) }
      writer.append(literal: #","properties":{"#)
      writer.append(members) { member, writer in
        writer.append(quoting: member.name)
        writer.append(byte: UInt8(ascii: ":"))
        member.schema.write(to: &writer, meaning: member.meaning)
      }
      writer.append(byte: UInt8(ascii: "}"))
    }
    if let meaning {
      if case .anything = self {} else { writer.append(byte: UInt8(ascii: ",")) }
      writer.append(literal: #""description":"#)
      writer.append(quoting: meaning)
    }
  }

  // MARK: Checking

  /// What is wrong with a member of that name, as a sentence; nil where it is as it should be.
  /// `isRequired`: else null stands for nothing, as many libraries write it.
  func fault(of name: String, in object: JSONObject, isRequired: Bool) -> String? {
    guard let kind = object.kind(name), isRequired || kind != .null else { return nil }
    let isRight =
      switch (self, kind) {
      case (.constrained(let schema, _), _): schema.fault(of: name, in: object, isRequired: true) == nil
      case (.anything, _), (.boolean, .true), (.boolean, .false), (.object, .object): true
      case (.array(let element, let maxCount), .array):
        object.elementCount(name).map { $0 <= maxCount ?? .max } ?? false
          && (element.isObject ? object.objects(name)?.count == object.elementCount(name) : true)
      case (.number, .number): true
      case (.nullable, .null): true
      case (.nullable(let schema), _): schema.fault(of: name, in: object, isRequired: true) == nil
      case (.integer(let range), .number): object.integer(name).map(range.contains) ?? false
      case (.string(let minBytes, let maxBytes, _, let values), .string):
        object.string(name).map {
          (minBytes...(maxBytes ?? .max)).contains($0.utf8.count) && (values.isEmpty || values.contains($0))
        } ?? false
      default: false
      }
    return isRight ? nil : "The member \(name) must be \(phrase)."
  }

  private var isObject: Bool { members != nil }

  /// Of an object.
  var members: [Member]? {
    switch self {
    case .object(let members): members
    case .constrained(let schema, _): schema.members
    default: nil
    }
  }

  /// As a body takes it: null stands for an optional member that is not there.
  var asBody: Schema {
    switch self {
    case .object(let members):
      .object(
        members.map { member in
          var schema = member.schema.asBody
          if case .anything = schema {} else if !member.isRequired { schema = .nullable(schema) }
          return Member(member.name, schema, optional: !member.isRequired, member.meaning)
        })
    case .array(let element, let maxCount): .array(element.asBody, maxCount: maxCount)
    case .constrained(let schema, let keywords): .constrained(schema.asBody, keywords: keywords)
    case .anything, .boolean, .integer, .number, .nullable, .string: self
    }
  }

  /// Whether a query may say that.
  func accepts(query text: String) -> Bool {
    switch self {
    case .integer(let range): Int(text).map { range.contains($0) && String($0) == text } ?? false
    case .string(let minBytes, let maxBytes, _, let values):
      (minBytes...(maxBytes ?? .max)).contains(text.utf8.count) && (values.isEmpty || values.contains(text))
    default: true
    }
  }

  var phrase: String {
    switch self {
    case .anything: "a JSON value"
    case .constrained(let schema, _): schema.phrase
    case .boolean: "true or false"
    case .number: "a number"
    case .nullable(let schema): "\(schema.phrase) or null"
    case .integer(let range): "a whole number of \(range.lowerBound) to \(range.upperBound)"
    case .string(_, _, _, let values) where !values.isEmpty: values.map { "\"\($0)\"" }.joined(separator: " or ")
    case .string(let minBytes, let maxBytes?, _, _):
      minBytes > 0 ? "a string of \(minBytes) to \(maxBytes) bytes" : "a string of at most \(maxBytes) bytes"
    case .string(let minBytes, nil, _, _): minBytes > 0 ? "a string that is not empty" : "a string"
    case .array(let element, let maxCount):
      "an array of " + (maxCount.map { "at most \($0) " } ?? "") + (element.isObject ? "objects" : "values")
    case .object: "an object"
    }
  }
}

extension ByteWriter {
  /// Elements with commas between them.
  mutating func append<Element>(_ elements: [Element], _ write: (Element, inout ByteWriter) -> Void) {
    for (index, element) in elements.enumerated() {
      if index > 0 { append(byte: UInt8(ascii: ",")) }
      write(element, &self)
    }
  }

  /// A JSON array of them.
  mutating func append<Element>(list elements: [Element], _ write: (Element, inout ByteWriter) -> Void) {
    append(byte: UInt8(ascii: "["))
    append(elements, write)
    append(byte: UInt8(ascii: "]"))
  }
}
