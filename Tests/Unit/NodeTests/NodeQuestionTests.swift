import Cluster
import JSON
import Model
import Server
import TestSupport
import Testing

@testable import Node

/// What nodes ask one another is read as it was written, and nothing else is.
@Suite struct NodeQuestionTests {
  private static let texts = [
    "a", "\"\\/", "\n\r\t\u{0}", "é", "e\u{301}", "漢字🐦", "}", "\u{2028}", "a,b", #"{"ask":"node"}"#, "\u{301}x",
    String(repeating: "x", count: 200),
  ]
  private static let names = texts.filter { ChannelName($0) != nil && UserName($0) != nil }

  private func comesBack(_ question: NodeQuestion) -> Bool {
    guard let text = String(validating: question.text, as: UTF8.self), let object = JSONObject(text),
      object.isUnambiguous,
      let read = NodeQuestion(question.text)
    else { return false }
    return read == question && read.text == question.text
  }

  @Test func listsComeBack() {
    for limit in [1, 100, 2100, Int.max] {
      #expect(comesBack(.channels(match: nil, after: nil, limit: limit)))
      #expect(comesBack(.largestChannels(match: nil, limit: limit)))
      for text in Self.texts + [""] {
        #expect(comesBack(.channels(match: text, after: nil, limit: limit)))
        #expect(comesBack(.channels(match: nil, after: text, limit: limit)))
        #expect(comesBack(.largestChannels(match: text, limit: limit)))
      }
    }
    #expect(comesBack(.subscribers([])))
    #expect(comesBack(.subscribers(Self.texts)))
    #expect(comesBack(.subscribers((0..<5000).map { "channel-\($0)" })))
  }

  @Test func whatIsAboutUsersComesBack() throws {
    #expect(Self.names.count > 4)
    for name in Self.names {
      let (user, other) = (user(name), channel(name))
      #expect(comesBack(.connections(user)))
      #expect(comesBack(.take(user, other)))
      for isMember in [false, true] {
        for info in [nil, "1", #"{"a":[1,"\u00e9"]}"#, "\"x\"", "null"] {
          #expect(comesBack(.put(user, other, isMember: isMember, info: info)))
        }
      }
      for reason in Self.texts + [""] {
        #expect(comesBack(.disconnect(.user(user), reason: reason)))
        #expect(comesBack(.disconnect(.client(ClientID(name)), reason: reason)))
      }
    }
  }

  @Test func whatIsAboutTheNodeComesBack() {
    #expect(comesBack(.statistics))
    #expect(comesBack(.node))
  }

  @Test func onlyReadsMayBeShared() {
    let (alice, room) = (user("alice"), channel("room"))
    let reads: [NodeQuestion] = [
      .channels(match: nil, after: nil, limit: 1), .largestChannels(match: nil, limit: 1), .subscribers([]),
      .connections(alice),
      .statistics, .node,
    ]
    let actions: [NodeQuestion] = [
      .disconnect(.user(alice), reason: ""), .disconnect(.client(ClientID("c-1")), reason: ""),
      .put(alice, room, isMember: false, info: nil), .take(alice, room),
    ]
    #expect(reads.filter(\.isRead) == reads)
    #expect(actions.filter(\.isRead) == [])
  }

  @Test func whatALaterVersionAddsIsPassedOver() {
    #expect(NodeQuestion(Array(#" { "more" : [1] , "ask" : "node" } "#.utf8)) == .node)
    #expect(
      NodeQuestion(Array(#"{"ask":"channels","limit":5,"after":7,"match":null}"#.utf8))
        == .channels(match: nil, after: nil, limit: 5))
  }

  @Test(arguments: [
    "", " ", "{}", "[]", "null", "node", #""node""#, #"{"ask":"node""#, #"{"ask":"node"}}"#, #"{"ask":"node"}x"#,
    #"{"ask":"Node"}"#,
    #"{"ask":"nodes"}"#, #"{"ask":1}"#, #"{"ask":null}"#, #"{"ask":["node"]}"#, #"{"Ask":"node"}"#, #"{"ask":"node",}"#,
    #"{"ask":"channels"}"#, #"{"ask":"channels","limit":0}"#, #"{"ask":"channels","limit":-1}"#,
    #"{"ask":"channels","limit":"5"}"#, #"{"ask":"channels","limit":1.5}"#,
    #"{"ask":"channels","limit":9223372036854775808}"#,
    #"{"ask":"largestChannels"}"#, #"{"ask":"largestChannels","limit":0}"#, #"{"ask":"subscribers"}"#,
    #"{"ask":"subscribers","channels":"a"}"#, #"{"ask":"subscribers","channels":["a",1]}"#, #"{"ask":"connections"}"#,
    #"{"ask":"connections","user":""}"#, #"{"ask":"connections","user":"a\nb"}"#, #"{"ask":"connections","user":7}"#,
    #"{"ask":"disconnect"}"#, #"{"ask":"disconnect","user":"a"}"#, #"{"ask":"disconnect","reason":"x"}"#,
    #"{"ask":"disconnect","user":"","reason":"x"}"#, #"{"ask":"disconnect","client":7,"reason":"x"}"#,
    #"{"ask":"put","user":"a"}"#, #"{"ask":"put","channel":"a"}"#, #"{"ask":"put","user":"a","channel":""}"#,
    #"{"ask":"put","user":"a","channel":"b c"}"#, #"{"ask":"take","user":"a"}"#,
    #"{"ask":"take","user":"a","channel":"{"}"#,
  ])
  func nothingElseIsAQuestion(_ text: String) {
    #expect(NodeQuestion(Array(text.utf8)) == nil)
  }

  @Test func whatIsNoUTF8IsNoQuestion() {
    #expect(NodeQuestion(Array(#"{"ask":"node","x":""#.utf8) + [0xFF] + Array("\"}".utf8)) == nil)
    #expect(NodeQuestion(Array(String(repeating: "[", count: 100_000).utf8)) == nil)
  }

  /// Whoever may publish in Redis can ask, too. What presence shows goes to clients as it stands.
  @Test(arguments: ["", "x", "{", "1}", #"1,"user":"root""#, "1 2", String(repeating: "1", count: 1025)])
  func infoThatIsNoJSONOfItsLengthIsNoQuestion(_ info: String) {
    let question = NodeQuestion.put(user("alice"), channel("room"), isMember: true, info: info)
    #expect(NodeQuestion(question.text) == nil)
  }

  /// Whatever is cut off or changed on the way is read, or is not; nothing traps.
  @Test(arguments: UInt64(0)..<4) func anythingMayCome(_ seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let questions: [NodeQuestion] = [
      .channels(match: "a*", after: "b", limit: 10), .subscribers(["a", "b"]), .node,
      .put(user("alice"), channel("room"), isMember: true, info: "1"), .disconnect(.user(user("alice")), reason: "x"),
    ]
    for _ in 0..<1000 {
      guard let whole = questions.randomElement(using: &generator)?.text else { return }
      var bytes = Array(whole.prefix(Int.random(in: whole.count - 3...whole.count, using: &generator)))
      for _ in 0..<Int.random(in: 0..<3, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      if let read = NodeQuestion(bytes) { #expect(NodeQuestion(read.text) == read) }
    }
  }
}
