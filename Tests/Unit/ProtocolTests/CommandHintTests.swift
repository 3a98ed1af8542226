import Model
import TestSupport
import Testing
@testable import Protocol

/// What somebody is told who speaks another protocol, or who has mistyped.
@Suite struct CommandHintTests {
  private func message(_ text: String, hints: Bool = true) -> String {
    switch withBytes(of: text, { CommandScanner.scan($0, hints: hints) }) {
    case .success(let command): "accepted: \(command)"
    case .failure(let refusal): refusal.message
    }
  }

  @Test(arguments: [
    ("join", "subscribe"), ("sub", "subscribe"), ("pusher:subscribe", "subscribe"), ("phx_join", "subscribe"),
    ("group_add", "subscribe"), ("suscribe", "subscribe"), ("Subscribe", "subscribe"), ("subscribed", "subscribe"),
    ("leave", "unsubscribe"), ("phx_leave", "unsubscribe"), ("pusher:unsubscribe", "unsubscribe"),
    ("unsubcribe", "unsubscribe"), ("emit", "publish"), ("event", "publish"), ("broadcast", "publish"),
    ("chat.message", "publish"), ("publsh", "publish"), ("PUBLISH", "publish"), ("client-typing", "signal"),
    ("dm", "send"), ("login", "auth"), ("Auth", "auth"), ("pusher:ping", "ping"), ("heartbeat", "ping"),
    ("pin", "ping"),
    ("rpc", "request"), ("backlog", "history"), ("presense", "presence"), ("who", "presence"),
  ])
  func commandsOfOthers(_ word: String, _ meant: String) {
    #expect(
      message(#"{"type":"\#(word)","channel":"a"}"#)
        == #"There is no command of type "\#(word)". Did you mean \#(meant)?"#)
  }

  @Test(arguments: ["", "dance", "x", "connected", "é", "publishpublishpublish", "\u{212A}", "pusher:", "pusher:x"])
  func nobodyCanTell(_ word: String) {
    #expect(message(#"{"type":"\#(word)"}"#) == #"There is no command of type "\#(word)"."#)
  }

  @Test(arguments: [
    (#"{"type":"subscribe","room":"a"}"#, "room", "channel"),
    (#"{"type":"subscribe","channels":["a"]}"#, "channels", "channel"),
    (#"{"type":"publish","topic":"a","data":1}"#, "topic", "channel"),
    (#"{"type":"unsubscribe","x":1,"chanel":"a"}"#, "chanel", "channel"),
    (#"{"type":"publish","channel":"a","message":"x"}"#, "message", "data"),
    (#"{"type":"publish","channel":"a","payload":1}"#, "payload", "data"),
    (#"{"type":"publish","channel":"a","msg":1}"#, "msg", "data"),
    (#"{"type":"publish","channel":"a","text":1}"#, "text", "data"),
    (#"{"type":"publish","channel":"a","content":1}"#, "content", "data"),
    (#"{"type":"message","channel":"a","Data":1}"#, "Data", "data"),
    (#"{"type":"auth","jwt":"x"}"#, "jwt", "token"), (#"{"type":"auth","access_token":"x"}"#, "access_token", "token"),
    (#"{"type":"send","user":"bob","data":1}"#, "user", "to"),
    (#"{"type":"signal","channel":"a","name":"x"}"#, "name", "event"),
    (#"{"type":"request","action":"x"}"#, "action", "method"),
  ])
  func membersOfOthers(_ text: String, _ name: String, _ meant: String) {
    #expect(message(text) == #""\#(name)" is not a member of this command. The member is called \#(meant)."#)
  }

  @Test(arguments: [
    (#"{"action":"join","room":"a"}"#, "action", " Did you mean subscribe?"),
    (#"{"event":"pusher:subscribe","data":{"channel":"a"}}"#, "event", " Did you mean subscribe?"),
    (#"{"topic":"a","event":"phx_join","payload":{},"ref":"1"}"#, "event", " Did you mean subscribe?"),
    (#"{"command":"publish","channel":"a"}"#, "command", " Did you mean publish?"), (#"{"cmd":7}"#, "cmd", ""),
    (#"{"Type":"ping"}"#, "Type", " Did you mean ping?"), (#"{"op":"dance"}"#, "op", ""),
  ])
  func theTypeIsCalledType(_ text: String, _ name: String, _ more: String) {
    #expect(message(text) == #""\#(name)" does not name the command. The member is called type."# + more)
  }

  @Test(arguments: ["{}", #"{"message":"hello"}"#, #"{"id":1}"#, #"{"token":"x"}"#])
  func whoSaysNoTypeSeesACommand(_ text: String) {
    #expect(message(text).hasPrefix("The member type is missing."))
    #expect(message(text).contains(CommandHint.example))
  }

  @Test(arguments: ["hello", "", "42[\"join\",\"room\"]", "\"hello\"", "1"])
  func whoSaysNoJSONSeesACommand(_ text: String) {
    #expect(message(text) == "A command must be a JSON object, such as \(CommandHint.example).")
  }

  @Test func theExampleIsACommand() {
    #expect(message(CommandHint.example).hasPrefix("accepted: publish"))
  }

  @Test(arguments: ["{'type':'ping'}", "{type:\"ping\"}", "{ Type: 1}"])
  func quotesAreDouble(_ text: String) {
    #expect(message(text).hasSuffix(" Put names and strings in double quotes."))
    #expect(!message(#"{"type":"ping",}"#).contains("quotes"))
  }

  @Test func toAChannelOnePublishes() {
    #expect(message(#"{"type":"send","channel":"a","data":1}"#).hasSuffix(". Did you mean publish?"))
  }

  /// What is there and of the wrong kind is not missing.
  @Test func aMemberOfTheWrongKindIsNotMissing() {
    #expect(message(#"{"type":"subscribe","channel":7,"room":"a"}"#) == "The member channel must be a string.")
    #expect(message(#"{"type":7,"action":"join"}"#) == "The member type must be a string.")
  }

  /// Whoever sends more than the rate allows gets no thought.
  @Test func withoutHintsThereAreNone() {
    for text in [#"{"type":"join"}"#, #"{"action":"join"}"#, #"{"type":"subscribe","room":"a"}"#, "{'type':1}"] {
      let plain = message(text, hints: false)
      #expect(!plain.contains("Did you mean") && !plain.contains("is called") && !plain.contains("quotes"))
    }
  }

  /// Only the first members of a message are looked at.
  @Test func aLongMessageIsNotSearched() {
    let many = (0..<40).map { "\"x\($0)\":0" }.joined(separator: ",")
    #expect(message(#"{"type":"subscribe",\#(many),"room":"a"}"#) == "The member channel must be a string.")
  }

  /// What is said to be meant is understood.
  @Test func everyWordMeansACommand() {
    for (word, type) in ForeignWords.commands {
      #expect(Command.Kind(type: String(word)) == nil, "\(word) is a command")
      #expect(word.utf8.count <= 20 && word == word.lowercased())
      #expect(!message(#"{"type":"\#(type.name)"}"#).contains("There is no command"))
    }
  }
}
