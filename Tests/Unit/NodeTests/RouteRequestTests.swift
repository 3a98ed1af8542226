import JSON
import Model
import TestSupport
import Testing

@testable import Node

/// What a request says in its path, query and body, and what is wrong with one.
@Suite struct RouteRequestTests {
  /// The route with the most to ask for: `match`, `limit`, `sort` and `after`.
  private let list = ChannelRoutes(cluster: Nodes([:]).cluster()).all.first { $0.name == "GET /api/channels" }

  private func query(_ text: String?) throws -> [String: String] {
    try RouteRequest.query(text, of: try #require(list))
  }

  private func error(_ body: () throws -> Void) -> RouteError? {
    do { try body() } catch { return error as? RouteError }
    return nil
  }

  private func request(path: [String: String] = [:], _ query: [String: String] = [:]) -> RouteRequest {
    RouteRequest(rights: .read, path: path, query: query, body: nil)
  }

  // MARK: Query

  @Test(
    arguments: [
      (nil, [:]), ("", [:]), ("&", [:]), ("&&&", [:]), ("limit=5", ["limit": "5"]), ("limit=5&", ["limit": "5"]),
      ("&limit=5", ["limit": "5"]),
      ("limit=5&match=a", ["limit": "5", "match": "a"]), ("after=", ["after": ""]), ("after", ["after": ""]),
      ("match=a=b==", ["match": "a=b=="]), ("match=a%26b%3Dc", ["match": "a&b=c"]), ("m%61tch=a", ["match": "a"]),
      ("match=a+b", ["match": "a b"]), ("match=a%2Bb%20c", ["match": "a+b c"]), ("match=%2541", ["match": "%41"]),
      ("match=%C3%A9", ["match": "é"]), ("match=*", ["match": "*"]), ("match=/?#", ["match": "/?#"]),
      ("match=%00", ["match": "\u{0}"]),
    ] as [(String?, [String: String])])
  func isDecodedOnce(_ text: String?, _ members: [String: String]) throws {
    #expect(try query(text) == members)
  }

  @Test(arguments: [
    "match=%", "match=%4", "match=%4g", "match=%g4", "match=%%", "match=%FF", "match=%C3", "match=%C0%AF", "%=a",
    "m%FF=a",
  ])
  func whatIsNoUTF8InPercentIsRefused(_ text: String) {
    #expect(error { _ = try query(text) }?.message == "The query is not percent-encoded UTF-8.")
  }

  @Test(arguments: [
    ("x=1", "x"), ("=1", ""), ("Limit=1", "Limit"), ("limit=1&limits=2", "limits"), ("limit%20=1", "limit "), ("=", ""),
  ])
  func onlyKnownMembersAreTaken(_ text: String, _ name: String) throws {
    let refusal = try #require(error { _ = try query(text) })
    #expect(refusal.status == 400 && refusal.code == "bad_request")
    #expect(refusal.message == "There is no query member \"\(name)\". It takes match, limit, sort, after.")
  }

  @Test func aNameThatIsNoneIsQuoted() throws {
    let refusal = try #require(error { _ = try query("%22%0A=1") })
    #expect(refusal.message.hasPrefix(#"There is no query member "\"\n". "#))
  }

  @Test func aPathMayTakeNone() throws {
    let access = AccessRoute.route
    #expect(try RouteRequest.query("", of: access) == [:])
    let refusal = try #require(error { _ = try RouteRequest.query("a=1", of: access) })
    #expect(refusal.message == #"There is no query member "a". This path takes none."#)
  }

  @Test(arguments: ["limit=1&limit=1", "limit=1&match=a&limit=2", "limit=1&limit", "limit=1&l%69mit=2"])
  func noneOccursTwice(_ text: String) {
    #expect(error { _ = try query(text) }?.message == "The query member limit must not occur twice.")
  }

  /// Letters that a client has not encoded are bytes like any other: a mark behind `&` or `=` is not part of it.
  @Test func aCombiningMarkIsALetter() throws {
    #expect(try query("match=\u{301}a") == ["match": "\u{301}a"])
    #expect(error { _ = try query("match=a&\u{301}limit=1") }?.message.contains("There is no query member") == true)
  }

  // MARK: Forms

  @Test(arguments: [
    "limit=0", "limit=1001", "limit=", "limit", "limit=x", "limit=1.5", "limit=+7", "limit=%2B7", "limit=07",
  ])
  func aNumberOfTheQueryHasBounds(_ text: String) {
    #expect(error { _ = try query(text) }?.message == "The query member limit must be a whole number of 1 to 1000.")
  }

  @Test func aWordOfTheQueryIsOneOfSome() throws {
    for word in ["name", "subscribers"] { #expect(try query("sort=\(word)") == ["sort": word]) }
    for word in ["", "Name", "size"] {
      #expect(
        error { _ = try query("sort=\(word)") }?.message == #"The query member sort must be "name" or "subscribers"."#)
    }
  }

  @Test func aTextOfTheQueryHasALength() throws {
    let longest = String(repeating: "x", count: 200)
    #expect(try query("after=\(longest)") == ["after": longest])
    #expect(
      error { _ = try query("after=\(longest)x") }?.message
        == "The query member after must be a string of at most 200 bytes.")
  }

  @Test(arguments: ["match=", "match", "limit=5&match="])
  func aPatternIsNotEmpty(_ text: String) {
    #expect(error { _ = try query(text) }?.message == "The query member match must be a string of 1 to 200 bytes.")
  }

  @Test func aNumberThatIsNotThereHasADefault() {
    #expect(request().number("limit", default: 100) == 100)
    #expect(request(["limit": "7"]).number("limit", default: 100) == 7)
  }

  // MARK: Path

  @Test func channelsAndUsersOfThePathAreNames() throws {
    #expect(try request(path: ["channel": "a/b"]).channel() == channel("a/b"))
    #expect(try request(path: ["user": "a b"]).user() == user("a b"))
    for name in ["", "a b", "{a}", "a\n", String(repeating: "x", count: 201)] {
      #expect(error { _ = try request(path: ["channel": name]).channel() }?.code == "invalid_channel")
    }
    for name in ["", "a\nb", String(repeating: "x", count: 201)] {
      #expect(error { _ = try request(path: ["user": name]).user() }?.code == "bad_request")
    }
    #expect(error { _ = try request().channel() }?.status == 400)
  }

  // MARK: Bodies

  private let schema = Schema.object([
    .init("name", .string(maxBytes: 3), "A name."), .init("count", .integer(1...9), optional: true, "A number."),
    .init(
      "rows",
      .array(
        .object([
          .init("id", .integer(0...9), "A number."),
          .init("cells", .array(.object([.init("x", .boolean, "X.")]), maxCount: 2), optional: true, "Cells."),
        ]), maxCount: 3), optional: true, "Rows."),
  ])

  private func body(_ text: String) throws -> JSONObject { try RouteRequest.body(Array(text.utf8), of: schema) }

  private func fault(_ text: String) -> String? { error { _ = try body(text) }?.message }

  @Test func aBodyHasItsMembers() throws {
    #expect(try body(#" {"name":"a","count":5,"more":[1]} "#).integer("count") == 5)
    #expect(fault(#"{"name":"a","rows":[{"id":1,"cells":[{"x":true},{"x":false}]},{"id":2}]}"#) == nil)
    #expect(fault("{}") == "The member name is missing.")
    #expect(fault(#"{"name":null}"#) == "The member name must be a string of at most 3 bytes.")
    #expect(fault(#"{"name":"a","count":0}"#) == "The member count must be a whole number of 1 to 9.")
    #expect(fault(#"{"name":"a","count":null,"rows":null}"#) == nil, "as if it were not there")
    #expect(fault(#"{"name":"a","name":"b"}"#) == "A member must not occur twice.")
    #expect(fault(#"{"name":"a","x":1,"\u0078":2}"#) == "A member must not occur twice.")
  }

  @Test(arguments: [
    "", " ", "1", "[]", "null", "\"a\"", "{", #"{"name":"a"}x"#, #"{"name":"a",}"#, #"{'name':'a'}"#, #"{"name":"\x"}"#,
  ])
  func aBodyIsAnObject(_ text: String) {
    #expect(fault(text)?.hasPrefix("The body must be a JSON object in UTF-8") == true)
  }

  @Test func aBodyIsUTF8AndNotTooDeep() {
    let bytes = Array(#"{"name":""#.utf8) + [0xFF] + Array("\"}".utf8)
    #expect(error { _ = try RouteRequest.body(bytes, of: schema) }?.status == 400)
    #expect(
      fault(#"{"name":"a","more":"# + String(repeating: "[", count: 64) + String(repeating: "]", count: 64) + "}")
        != nil)
    #expect(
      fault(#"{"name":"a","more":"# + String(repeating: "[", count: 63) + String(repeating: "]", count: 63) + "}")
        == nil)
  }

  /// What is wrong in an array is told with where it stands, however deep.
  @Test func elementsAreCheckedToo() {
    #expect(fault(#"{"name":"a","rows":[1]}"#) == "The member rows must be an array of at most 3 objects.")
    #expect(fault(#"{"name":"a","rows":[{"id":1},{}]}"#) == "rows[1]: The member id is missing.")
    #expect(fault(#"{"name":"a","rows":[{"id":1,"id":2}]}"#) == "rows[0]: A member must not occur twice.")
    #expect(
      fault(#"{"name":"a","rows":[{"id":1},{"id":2},{"id":10}]}"#)
        == "rows[2]: The member id must be a whole number of 0 to 9.")
    #expect(
      fault(#"{"name":"a","rows":[{"id":1},{"id":2},{"id":3},{"id":4}]}"#)
        == "The member rows must be an array of at most 3 objects.")
    #expect(
      fault(#"{"name":"a","rows":[{"id":1,"cells":[{"x":true}]},{"id":1,"cells":[{"x":true},{"x":1}]}]}"#)
        == "rows[1]: cells[1]: The member x must be true or false.")
    #expect(
      fault(#"{"name":"a","rows":[{"id":1,"cells":[{"x":true},{"x":true},{"x":true}]}]}"#)
        == "rows[0]: The member cells must be an array of at most 2 objects.")
    #expect(
      fault(#"{"name":"a","rows":[{"id":1,"cells":[[{"x":true}]]}]}"#)
        == "rows[0]: The member cells must be an array of at most 2 objects.")
  }
}
