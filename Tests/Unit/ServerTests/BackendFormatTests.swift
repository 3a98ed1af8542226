import Model
import Protocol
import Server
import TestSupport
import Testing

/// What the backend is told, and what it answers.
@Suite struct BackendFormatTests {
  private func body(_ method: String, _ params: String?, user: String? = nil) throws -> String {
    let user = try user.map { try #require(UserName($0)) }
    let client = ClientID("c-1")
    guard var params else {
      return String(
        decoding: BackendCall.body(method: method, params: nil, user: user, client: client), as: UTF8.self)
    }
    return params.withUTF8 {
      String(
        decoding: BackendCall.body(
          method: method, params: UnsafeRawBufferPointer($0), user: user, client: client), as: UTF8.self)
    }
  }

  @Test func aCallSaysWhatIsWantedAndByWhom() throws {
    #expect(try body("a", nil) == #"{"method":"a","params":null,"user":null,"clientId":"c-1"}"#)
    let full = try body("q\"\u{1}", "[1]", user: "a\"é")
    #expect(full == #"{"method":"q\"\u0001","params":[1],"user":"a\"é","clientId":"c-1"}"#)
    #expect(isValidJSON(full))
  }

  @Test(arguments: [
    "1.0e400", #"{"a":1,"a":2}"#, #""\u0041\ud83d\ude00\/""#, "[1 ,\t2]", "-0", #""\ud800""#, "123456789012345678901",
  ])
  func paramsGoOutByteForByte(_ params: String) throws {
    #expect(try body("a", params) == #"{"method":"a","params":\#(params),"user":null,"clientId":"c-1"}"#)
  }

  // MARK: Answers

  private func answer(_ text: String) -> BackendAnswer {
    withBytes(of: text) { BackendAnswer(body: $0) }
  }

  @Test(arguments: [
    "1.0e400", #"{"a":1,"a":2}"#, #""\u0041\ud83d\ude00\/""#, "[1 ,\t2]", "null", "-0", #""\ud800""#, "{}",
  ])
  func resultsComeByteForByte(_ json: String) {
    #expect(answer("{\"result\":\(json)}") == .result(json))
    #expect(answer(" {\n\"id\" : 7, \"r\\u0065sult\" : \(json) , \"jsonrpc\":\"2.0\" }\r\n") == .result(json))
  }

  @Test(arguments: [
    (#""no""#, false), ("null", false), ("[1]", false), (#"{"code":1}"#, false), (#"{"message":"a"}"#, false),
    (#"{"code":"a","message":"b"}"#, false), (#"{"code":1.5,"message":"b"}"#, false),
    (#"{"code":1,"message":2}"#, false), (#"{"code":1,"code":2,"message":"a"}"#, false),
    (#"{"code":-32001,"message":"a"}"#, true), (#"{ "message":"\u0041","data":[1e999],"code":7 }"#, true),
  ])
  func errorsComeByteForByte(_ json: String, _ isRPC: Bool) {
    #expect(answer("{\"error\":\(json)}") == .error(json, isRPC: isRPC))
  }

  @Test(arguments: [
    "", " ", "null", "[]", "{}", "\"result\"", #"{"result":1"#, #"{"result":1}x"#, #"{"result":}"#, #"{"result":01}"#,
    #"{"result":1,"result":1}"#, #"{"result":1,"error":null}"#, #"{"error":1,"result":1}"#, #"{"Result":1}"#,
    #"{"result":1,"r\u0065sult":2}"#, #"{"result":NaN}"#, "{'result':1}", "\u{FEFF}{\"result\":1}", "<html>",
    "{\"result\":\"\u{1}\"}",
    "{\"result\":" + String(repeating: "[", count: 70) + String(repeating: "]", count: 70) + "}",
  ])
  func whatIsNoAnswer(_ text: String) {
    guard case .failure(.internal, let reason) = answer(text) else {
      Issue.record("taken: \(text)")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test func textThatIsNoUTF8IsNoAnswer() {
    let bytes = Array(#"{"result":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8)
    guard case .failure(.internal, _) = bytes.withUnsafeBytes({ BackendAnswer(body: $0) }) else {
      Issue.record("taken")
      return
    }
  }

  @Test(arguments: UInt64(0)..<4)
  func anyBytesAreBorne(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let good = Array(#"{"a":[1,{}],"error":{"code":1,"message":"\u0041é"}}"#.utf8)
    for _ in 0..<5000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        bytes[position] = UInt8.random(in: 0...255, using: &generator)
      }
      switch bytes.withUnsafeBytes({ BackendAnswer(body: $0) }) {
      case .result(let json), .error(let json, _): #expect(isValidJSON(json))
      case .failure: break
      }
    }
  }
}
