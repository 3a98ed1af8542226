import JSON
import Testing

@testable import Node

/// What the members of a body may be, and what is said of those that are not so.
@Suite struct SchemaTests {
  private func fault(_ schema: Schema, _ json: String, isRequired: Bool = true) throws -> String? {
    schema.fault(of: "a", in: try #require(JSONObject(#"{"b":1,"a":\#(json)}"#)), isRequired: isRequired)
  }

  private static let values = [
    "null", "true", "false", "0", "-1", "1.5", "1e3", "\"\"", "\"abc\"", "[]", "[1]", "[{}]", "{}", #"{"x":1}"#,
  ]

  /// Of all values those that are right.
  private func right(_ schema: Schema) throws -> [String] { try Self.values.filter { try fault(schema, $0) == nil } }

  @Test func eachKindTakesItsValues() throws {
    #expect(try right(.anything) == Self.values)
    #expect(try right(.boolean) == ["true", "false"])
    #expect(try right(.number) == ["0", "-1", "1.5", "1e3"])
    #expect(try right(.integer(-1...1)) == ["0", "-1"])
    #expect(try right(.integer(1...1000)) == [], "1e3 is not written as a whole number")
    #expect(try right(.string()) == ["\"\"", "\"abc\""])
    #expect(try right(.array(.anything)) == ["[]", "[1]", "[{}]"])
    #expect(try right(.array(.object([]))) == ["[]", "[{}]"])
    #expect(try right(.object([])) == ["{}", #"{"x":1}"#])
    #expect(try right(.nullable(.boolean)) == ["null", "true", "false"])
    #expect(try right(.nullable(.integer(0...0))) == ["null", "0"])
  }

  @Test func whatIsNotThereIsRight() throws {
    let object = try #require(JSONObject("{}"))
    for schema: Schema in [.boolean, .string(), .integer(1...1), .array(.object([])), .object([])] {
      for isRequired in [false, true] { #expect(schema.fault(of: "a", in: object, isRequired: isRequired) == nil) }
    }
  }

  @Test func nullStandsForWhatMayBeLeftOut() throws {
    for schema: Schema in [.boolean, .string(), .integer(1...1), .array(.object([])), .object([])] {
      #expect(try fault(schema, "null", isRequired: false) == nil)
      #expect(try fault(schema, "null") != nil)
      #expect(try fault(schema, "[null]", isRequired: false) != nil)
    }
  }

  // MARK: Queries

  @Test func aQueryHasItsForm() {
    for text in ["1", "7", "1000"] { #expect(Schema.integer(1...1000).accepts(query: text)) }
    for text in ["", "0", "-1", "1001", "1.0", "1e2", " 1", "1 ", "x", "+7", "007", "9223372036854775808", "0x10", "١"]
    {
      #expect(!Schema.integer(1...1000).accepts(query: text), "\(text)")
    }
    #expect(Schema.string(values: ["a", "b"]).accepts(query: "b"))
    for text in ["", "c", "A", "a "] { #expect(!Schema.string(values: ["a", "b"]).accepts(query: text)) }
    #expect(Schema.string(maxBytes: 4).accepts(query: "éé") && Schema.string(maxBytes: 4).accepts(query: ""))
    #expect(!Schema.string(maxBytes: 4).accepts(query: "éé1"))
    #expect(Schema.string().accepts(query: String(repeating: "x", count: 10_000)))
  }

  @Test func stringsAreMeasuredInBytes() throws {
    #expect(try fault(.string(maxBytes: 3), "\"abc\"") == nil)
    #expect(try fault(.string(maxBytes: 3), "\"abcd\"") == "The member a must be a string of at most 3 bytes.")
    #expect(try fault(.string(maxBytes: 3), "\"éé\"") != nil)
    #expect(try fault(.string(maxBytes: 3), #""\u00e9\u0041""#) == nil, "as they are, and not as they are written")
  }

  @Test func stringsMayHaveToSaySomething() throws {
    #expect(try fault(.string(minBytes: 1), "\"\"") == "The member a must be a string that is not empty.")
    #expect(try fault(.string(minBytes: 1), "\"x\"") == nil)
    #expect(try fault(.string(minBytes: 2, maxBytes: 3), "\"x\"") == "The member a must be a string of 2 to 3 bytes.")
    for json in ["\"é\"", "\"abc\""] { #expect(try fault(.string(minBytes: 2, maxBytes: 3), json) == nil) }
    #expect(!Schema.string(minBytes: 1).accepts(query: "") && Schema.string(minBytes: 1).accepts(query: "x"))
  }

  @Test func whatElseHoldsIsOnlyTold() throws {
    let schema = Schema.constrained(.object([.init("x", .boolean, "X.")]), keywords: #""not":{}"#)
    #expect(try right(schema) == ["{}", #"{"x":1}"#])
    #expect(try fault(schema, "1") == "The member a must be an object.")
    #expect(try fault(.array(schema), "[1]") == "The member a must be an array of objects.")
    #expect(schema.members?.map(\.name) == ["x"] && Schema.boolean.members == nil)
  }

  @Test func someStringsAreNamed() throws {
    let schema = Schema.string(values: ["full", "read"])
    #expect(try fault(schema, "\"read\"") == nil)
    for json in ["\"Read\"", "\"\"", "null", "\"read \""] {
      #expect(try fault(schema, json) == #"The member a must be "full" or "read"."#)
    }
  }

  @Test func numbersHaveBounds() throws {
    let schema = Schema.integer(1...1000)
    for json in ["1", "1000"] { #expect(try fault(schema, json) == nil) }
    for json in ["0", "1001", "1.0", "\"1\"", "9223372036854775808", "-9223372036854775809"] {
      #expect(try fault(schema, json) == "The member a must be a whole number of 1 to 1000.")
    }
  }

  @Test func arraysHaveALength() throws {
    let schema = Schema.array(.object([]), maxCount: 2)
    for json in ["[]", "[{},{}]", " [ { } ] "] { #expect(try fault(schema, json) == nil) }
    for json in ["[{},{},{}]", "[1]", "[{},null]", "[{},[{}]]", "{}"] {
      #expect(try fault(schema, json) == "The member a must be an array of at most 2 objects.")
    }
    #expect(
      try fault(.array(.anything, maxCount: 2), "[1,2,3]") == "The member a must be an array of at most 2 values.")
    #expect(try fault(.array(.anything, maxCount: 2), "[[1,2,3],[4,5,6]]") == nil, "its own elements count")
  }

  @Test func theSentenceSaysWhatItIsToBe() throws {
    #expect(try fault(.boolean, "1") == "The member a must be true or false.")
    #expect(try fault(.number, "null") == "The member a must be a number.")
    #expect(try fault(.nullable(.string()), "1") == "The member a must be a string or null.")
    #expect(try fault(.object([]), "[]") == "The member a must be an object.")
    #expect(try fault(.array(.string()), "{}") == "The member a must be an array of values.")
  }

  private func written(_ schema: Schema) throws -> JSONObject {
    var writer = ByteWriter(capacity: 256)
    schema.write(to: &writer)
    return try #require(JSONObject(String(decoding: writer.bytes, as: UTF8.self)))
  }

  /// As `/openapi.json` tells it.
  @Test func itIsWrittenAsJSON() throws {
    let schema = Schema.object([
      .init("a", .string(maxBytes: 3, values: ["x", "\""]), "A \"string\"."),
      .init("b", .nullable(.integer(-1...1)), optional: true, "B."),
      .init("c", .array(.object([.init("d", .anything, "D.")]), maxCount: 5), "C."), .init("e", .boolean, "E."),
      .init("f", .number, "F."),
    ])
    let object = try written(schema)
    #expect(object.strings("required") == ["a", "c", "e", "f"])
    let members = try #require(object.object("properties"))
    #expect(members.names == ["a", "b", "c", "e", "f"])
    #expect(
      members.object("a")?.strings("enum") == ["x", "\""]
        && members.object("a")?.string("description") == "A \"string\".")
    #expect(members.object("b")?.objects("anyOf")?.map { $0.string("type") } == ["integer", "null"])
    #expect(members.object("c")?.integer("maxItems") == 5)
    #expect(members.object("c")?.object("items")?.object("properties")?.names == ["d"])
    let text = try written(.string(minBytes: 1, maxBytes: 9, pattern: #"^[^"\\]$"#))
    #expect(text.integer("minLength") == 1 && text.integer("maxLength") == 9 && text.string("pattern") == #"^[^"\\]$"#)
    #expect(
      try written(.constrained(.object([]), keywords: #""x":5"#)).names == ["type", "required", "properties", "x"])
    for schema: Schema in [.anything, .boolean, .nullable(.number), .array(.anything)] {
      #expect(try written(schema).isUnambiguous)
    }
  }

  @Test func inABodyNullStandsForWhatMayBeLeftOut() throws {
    let row = Schema.object([.init("x", .boolean, optional: true, "X."), .init("y", .number, "Y.")])
    let body = Schema.object([
      .init("a", .string(), "A."), .init("b", .string(), optional: true, "B."),
      .init("c", .array(row), "C."), .init("d", .anything, optional: true, "D."),
    ])
    let members = try #require(try written(body.asBody).object("properties"))
    #expect(members.object("a")?.string("type") == "string")
    #expect(members.object("b")?.objects("anyOf")?.map { $0.string("type") } == ["string", "null"])
    let cells = members.object("c")?.object("items")?.object("properties")
    #expect(cells?.object("x")?.objects("anyOf")?.count == 2 && cells?.object("y")?.string("type") == "number")
    #expect(members.object("d")?.objects("anyOf") == nil)
  }
}
