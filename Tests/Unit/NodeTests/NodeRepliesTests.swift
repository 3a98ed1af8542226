import Cluster
import JSON
import Testing

@testable import Node

/// What nodes have answered, and who has not, or not all.
@Suite struct NodeRepliesTests {
  private func replies(_ texts: [(String, String)], silent: [String] = []) -> NodeReplies {
    NodeReplies(
      Survey(
        replies: texts.map { Survey.Reply(node: $0, text: Array($1.utf8)) },
        silent: silent.map { Survey.Silent(node: $0, leaseAge: 5) }))
  }

  @Test func objectsAreReadInTheOrderOfNodes() {
    let replies = replies([("b", #"{"n":2}"#), ("c", #"{"n":3} "#), ("a", #"{"n":1}"#)])
    #expect(replies.objects.map(\.node) == ["a", "b", "c"])
    #expect(replies.objects.map { $0.1.integer("n") } == [1, 2, 3])
    #expect(replies.partial == [] && replies.silent == [])
  }

  @Test(arguments: ["x", "[]", "1", "null", "{", "{}", #" {"n":1}"#, "{}x", #"{"a":01}"#, #"{"a":1,}"#, "\u{0}"])
  func whoCannotBeReadIsMissing(_ text: String) {
    let replies = replies([("b", #"{"n":2}"#), ("a", text)])
    #expect(replies.objects.map(\.node) == ["b"])
    #expect(replies.partial == ["a"])
  }

  @Test func whatIsNoUTF8IsMissing() {
    let text = Array(#"{"n":""#.utf8) + [0xFF] + Array("\"}".utf8)
    let replies = NodeReplies(
      Survey(replies: [Survey.Reply(node: "a", text: text), Survey.Reply(node: "b", text: [])]))
    #expect(replies.objects.isEmpty && replies.partial == ["a", "b"])
  }

  @Test func whoHasNotToldAllIsReadAndMissing() {
    let replies = replies([
      ("a", #"{"n":1,"cut":true}"#), ("b", #"{"n":2,"cut":false}"#), ("c", #"{"n":4,"cut":"true"}"#),
    ])
    #expect(replies.objects.map(\.node) == ["a", "b", "c"])
    #expect(replies.partial == ["a"])
  }

  @Test func silentNodesAreMissingAmongTheOthers() {
    let replies = replies([("b", "x"), ("d", #"{"cut":true}"#), ("e", #"{"n":1}"#)], silent: ["c", "a"])
    #expect(replies.partial == ["a", "b", "c", "d"])
    #expect(replies.silent.map(\.node) == ["c", "a"])
  }

  @Test func sumsAreOfWhatIsThere() {
    let replies = replies([
      ("a", #"{"n":1,"r":0.5}"#), ("b", #"{"n":"2","r":1}"#), ("c", #"{"n":4,"r":"x"}"#), ("d", #"{"n":-1}"#),
    ])
    #expect(replies.sum("n") == 5)
    #expect(replies.rate("r") == 1.5)
    #expect(replies.sum("x") == 0 && replies.rate("x") == 0)
  }

  /// Whoever may publish in Redis can answer, too.
  @Test func numbersThatNobodyHasDoNotEndTheNode() async {
    await #expect(processExitsWith: .success) {
      let text = Array(#"{"n":9223372036854775807}"#.utf8)
      _ = NodeReplies(Survey(replies: ["a", "b"].map { Survey.Reply(node: $0, text: text) })).sum("n")
    }
  }

  @Test func partialIsWrittenWhereSomethingIsMissing() {
    var writer = ByteWriter(capacity: 64)
    writer.append(partial: [])
    #expect(writer.bytes == [])
    writer.append(partial: ["a.b", "c.d"])
    #expect(String(decoding: writer.bytes, as: UTF8.self) == #","partial":["a.b","c.d"]"#)
  }
}
