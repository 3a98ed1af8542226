import JSON
import Model
import Protocol
import TestSupport
import Testing

/// Whatever arrives is answered with a command or a refusal, and what is accepted is valid.
@Suite struct CommandMutationTests {
  private static let commands = [
    #"{"type":"subscribe","channel":"room:1","presence":true,"info":{"a":[1,2]},"id":2}"#,
    #"{"type":"subscribe","channel":"r\u00f6\ud83d\udc26","presence":"watch","id":"a\n"}"#,
    #"{"type":"unsubscribe","channel":"room:1","id":-9223372036854775808}"#,
    #"{"type":"publish","channel":"room:1","data":{"text":"h\u00e9llo","n":[1,-2.5e+3,true,null]},"echo":false,"id":4}"#,
    #"{ "id" : "x", "data" : [[[[]]]] , "type" : "message", "channel" : "漢字" }"#,
    #"{"type":"presence","channel":"room:1","only":"count","id":5}"#,
    #"{"type":"ping"}"#,
  ]

  private static let pieces = [
    "\"", "\\", "\\u", "\\ud83d", "{", "}", "[", "]", ",", ":", "0", "-", "e", "null", "\"id\":1,", "\u{0}",
  ]

  private func check(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { bytes in
      switch CommandScanner.scan(bytes) {
      // An array, or what has said that it is more before it breaks off: JSON-RPC has an answer for both.
      case .success(.jsonRPC): #expect(RPCScanner.scan(bytes) != nil)
      case .success(let command):
        #expect(JSONScanner.validate(bytes))
        if case .publish(let publish) = command {
          #expect(publish.data.lowerBound >= 0 && publish.data.upperBound <= bytes.count)
          #expect(JSONScanner.validate(UnsafeRawBufferPointer(rebasing: bytes[publish.data])))
        }
      case .failure(let refusal):
        #expect(isValidJSON(payload(ApusCodec.frame(of: .error(refusal)))))
      }
    }
  }

  @Test func everyPrefixAndSuffix() {
    for command in Self.commands.map({ Array($0.utf8) }) {
      for cut in 0..<command.count {
        check(Array(command[..<cut]))
        check(Array(command[cut...]))
      }
    }
  }

  @Test func mutatedCommands() throws {
    var generator = SplitMix64(seed: 20_250_101)
    for _ in 0..<20_000 {
      var bytes = Array(try #require(Self.commands.randomElement(using: &generator)).utf8)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let position = Int.random(in: 0...bytes.count, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes.removeSubrange(position...)
        case 1 where position < bytes.count: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2 where position < bytes.count: bytes.remove(at: position)
        case 3: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: position)
        default:
          let piece = try #require(Self.pieces.randomElement(using: &generator))
          bytes.insert(contentsOf: piece.utf8, at: position)
        }
      }
      check(bytes)
    }
  }
}
