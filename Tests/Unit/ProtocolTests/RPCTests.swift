import Model
import Protocol
import TestSupport
import Testing

/// JSON-RPC 2.0: the examples of its specification, and what they leave out.
@Suite struct RPCTests {
  /// A message as text: calls with the text of their params.
  private func scan(_ text: String) -> String {
    var text = text
    return text.withUTF8 { bytes in
      let bytes = UnsafeRawBufferPointer(bytes)
      func line(_ method: RPCMethod) -> String {
        method.name + (method.params.map { String(decoding: bytes[$0], as: UTF8.self) } ?? "()")
      }
      func line(_ call: RPCCall) -> String {
        switch call {
        case .request(let id, let method): "\(id.json) \(line(method))"
        case .notification(let method): line(method)
        case .invalid(let id): "invalid \(id?.json ?? "null")"
        }
      }
      switch RPCScanner.scan(bytes) {
      case nil: return "none"
      case .single(let call): return line(call)
      case .batch(let calls): return "[\(calls.map(line).joined(separator: "; "))]"
      case .malformed: return "malformed"
      case .refused: return "refused"
      }
    }
  }

  @Test(arguments: [
    (#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#, "1 subtract[42, 23]"),
    (#"{"jsonrpc": "2.0", "method": "subtract", "params": {"a": 42}, "id": "x"}"#, #""x" subtract{"a": 42}"#),
    (#" {"jsonrpc": "2.0", "method": "foobar", "id": null}  "#, "null foobar()"),
    (#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, "update[1,2,3,4,5]"),
    (#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#, "malformed"),
    (#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#, "invalid null"),
    (#"{"jsonrpc": "2.0", "method": 1, "id": 7}"#, "invalid 7"),
    (#"{"jsonrpc": "1.0", "method": "a", "id": 7}"#, "invalid 7"),
    (#"{"jsonrpc": "2.0", "method": "a", "params": "bar", "id": 7}"#, "invalid 7"),
    (#"{"jsonrpc": "2.0", "method": "a", "id": {}}"#, "invalid null"),
    (#"{"jsonrpc": "2.0", "method": "a", "id": 1, "id": 2}"#, "invalid null"),
    (#"{"jsonrpc": "2.0", "method": "a", "id": 1.5}"#, "1.5 a()"),
    (#"[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]"#, "malformed"),
    ("[]", "refused"), ("[1]", "[invalid null]"), ("[1,2,3]", "[invalid null; invalid null; invalid null]"),
    (
      #"[{"jsonrpc":"2.0","method":"a","id":"1"}, {"foo":"boo"} ,{"jsonrpc":"2.0","method":"b","params":[7]}]"#,
      #"["1" a(); invalid null; b[7]]"#
    ),
    (#"{"type":"ping"}"#, "none"), (#"{"type":"ping""#, "none"), ("5", "none"), ("", "none"), ("{", "none"),
  ])
  func messages(_ text: String, _ expected: String) {
    #expect(scan(text) == expected)
  }

  @Test func batchesHaveAnEnd() {
    let call = #"{"jsonrpc":"2.0","method":"a","id":1}"#
    func batch(_ count: Int) -> String { "[\(Array(repeating: call, count: count).joined(separator: ","))]" }
    #expect(scan(batch(50)).hasPrefix("[1 a()"))
    #expect(scan(batch(51)) == "refused")
  }

  @Test func answers() {
    let id = RequestID(json: #""x""#)
    #expect(RPCResponse.success(id, result: "[1]").json == #"{"jsonrpc":"2.0","id":"x","result":[1]}"#)
    #expect(
      RPCResponse.failure(nil, .parseError).json
        == #"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}"#)
    #expect(RPCResponse.json(of: []) == nil)
  }

  @Test(arguments: UInt64(0)..<4)
  func anyBytesAreBorne(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let good = Array(#"[{"jsonrpc":"2.0","method":"a\u0041","params":{"b":[1,2]},"id":1},{"jsonrpc":"2.0"}]"#.utf8)
    for _ in 0..<5000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        if Bool.random(using: &generator) { bytes.remove(at: position) } else { bytes[position] = 0x22 }
      }
      _ = scan(String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test func errorsOfTheBackendArePassedOnAsTheyAre() {
    let id = RequestID(json: "7")
    #expect(
      payload(ApusCodec.frame(of: .response(id: id, .failure(MethodError(json: #"{"a":1e999}"#)))))
        == #"{"type":"response","id":7,"error":{"a":1e999}}"#)
    #expect(
      RPCResponse.failure(id, error: #"{"code":1,"message":"a"}"#).json
        == #"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"a"}}"#)
    #expect(
      RPCResponse.failure(id, .backend, data: "[1]").json
        == #"{"jsonrpc":"2.0","id":7,"error":{"code":-32004,"message":"Backend error","data":[1]}}"#)
  }
}
