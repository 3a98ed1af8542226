import JSON
import Testing

@Suite struct JSONObjectTests {
  /// `é` in one code point and in two: canonically equivalent, which makes them one text for Swift.
  private let composed = "\u{E9}"
  private let decomposed = "e\u{301}"

  @Test func namesAreComparedByteByByte() throws {
    let object = try #require(JSONObject(#"{"\#(decomposed)":1,"\#(composed)":2}"#))
    #expect(object.isUnambiguous)
    #expect(object.integer(composed) == 2 && object.integer(decomposed) == 1)
    #expect(try #require(JSONObject(#"{"\#(decomposed)":1}"#)).integer(composed) == nil)
  }

  @Test func theSameBytesTwiceAreAmbiguous() throws {
    #expect(try #require(JSONObject(#"{"a":1,"\u0061":2}"#)).isUnambiguous == false)
  }

  @Test func aTextMayBeginWithACombiningCharacter() throws {
    let object = try #require(JSONObject("{\"aud\":[\"\u{301}a\"]}"))
    #expect(object.strings("aud")?.map { Array($0.utf8) } == [Array("\u{301}a".utf8)])
  }

  // MARK: Integers

  @Test(
    arguments: [
      ("[]", []), ("[0]", [0]), ("[1,2,3]", [1, 2, 3]), (" [ 1 ,\t2\n, 3 ] ", [1, 2, 3]), ("[-1,-0]", [-1, 0]),
      ("[9223372036854775807,-9223372036854775808]", [.max, .min]),
    ] as [(String, [Int])])
  func arraysOfIntegersAreRead(_ json: String, _ integers: [Int]) throws {
    let object = try #require(JSONObject(#"{"a":\#(json),"b":[7]}"#))
    #expect(object.integers("a") == integers)
    #expect(object.elementCount("a") == integers.count)
    #expect(object.integers("b") == [7])
  }

  @Test(arguments: [
    "null", "1", "\"[1]\"", "{}", "{\"a\":[1]}", "[1.0]", "[1e2]", "[1,null]", "[1,\"2\"]", "[[1]]", "[true]", "[1,{}]",
    "[9223372036854775808]", "[-9223372036854775809]", "[1,1E400]",
  ])
  func nothingElseIsAnArrayOfIntegers(_ json: String) throws {
    #expect(try #require(JSONObject(#"{"a":\#(json)}"#)).integers("a") == nil)
    #expect(try #require(JSONObject("{}")).integers("a") == nil)
  }

  @Test func aNumberIsAnIntegerOrNot() throws {
    let object = try #require(JSONObject(#"{"a":1,"b":1.0,"c":1e2,"d":-7,"e":"1","f":9223372036854775808,"g":1e999}"#))
    #expect(
      ["a", "b", "c", "d", "e", "f", "g", "h"].map { object.integer($0) } == [1, nil, nil, -7, nil, nil, nil, nil])
    #expect(["a", "b", "c", "d", "e", "g"].map { object.number($0) } == [1, 1, 100, -7, nil, nil])
  }

  // MARK: Elements

  @Test(
    arguments: [
      ("[]", 0), ("[ ]", 0), ("[null]", 1), ("[[],[]]", 2), ("[[1,2],[3,[4,5]]]", 2), ("[{\"a\":[1,2]},{}]", 2),
      ("[\"]\",\",\",\"\\\"]\"]", 3), ("[ 1 , 2 ]", 2), ("[{},1,\"x\",null,[{}]]", 5),
    ])
  func elementsAreCounted(_ json: String, _ count: Int) throws {
    for text in [#"{"a":\#(json)}"#, #" { "a" : \#(json) , "b" : [ 1 ] } "#, #"{"b":[1,2,3,4],"a":\#(json)}"#] {
      #expect(try #require(JSONObject(text)).elementCount("a") == count)
    }
  }

  @Test(arguments: ["null", "1", "\"[1,2]\"", "{\"a\":1}", "true"])
  func whatIsNoArrayHasNoElements(_ json: String) throws {
    let object = try #require(JSONObject(#"{"a":\#(json)}"#))
    #expect(object.elementCount("a") == nil && object.strings("a") == nil && object.objects("a") == nil)
    #expect(object.elementCount("b") == nil)
  }

  @Test func elementsThatAreNoObjectsAreLeftOut() throws {
    let object = try #require(JSONObject(#"{"a":[{"x":1},2,{"x":3},[{"x":4}]]}"#))
    #expect(object.objects("a")?.map { $0.integer("x") } == [1, 3])
    #expect(object.objects("a")?.map(\.text) == [#"{"x":1}"#, #"{"x":3}"#])
    #expect(object.elementCount("a") == 4)
  }

  /// As deep as a text may be: the elements of the innermost array are reached one by one.
  @Test func arraysMayBeDeep() throws {
    var object = try #require(
      JSONObject(String(repeating: #"{"a":"#, count: 63) + "[1,2]" + String(repeating: "}", count: 63)))
    for _ in 0..<62 { object = try #require(object.object("a")) }
    #expect(object.integers("a") == [1, 2] && object.elementCount("a") == 2)
  }
}
