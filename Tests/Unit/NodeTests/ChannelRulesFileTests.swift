import Model
import Node
import Testing

/// The rules for channels in the configuration file.
@Suite struct ChannelRulesFileTests {
  @Test func rulesInYAMLAndJSON() throws {
    let yaml = """
      direct: authenticated
      channels:
        # tickers may lag behind
        - match: "ticker:*"
          publish: server
          overflow: conflate
          last: true
        - match: room
          history: { size: 100, ttl: 10m }
          presence: false
          publish: members
          subscribe: token
        - match: "*"
      """
    let json = """
      {"direct":"authenticated","channels":[
      {"match":"ticker:*","publish":"server","overflow":"conflate","last":true},
      {"match":"room","history":{"size":100,"ttl":"10m"},"presence":false,"publish":"members","subscribe":"token"},
      {"match":"*"}]}
      """
    for text in [yaml, json] {
      let rules = try rules(text)
      #expect(rules.direct == .authenticated)
      #expect(rules.rules.map(\.match.text) == ["ticker:*", "room", "*"])
      #expect(rules.rules.map(\.overflow) == [.conflate, .disconnect, .disconnect])
      #expect(rules.rules.map(\.publish) == [.server, .members, .authenticated])
      #expect(rules.rules.map(\.subscribe) == [.authenticated, .token, .authenticated])
      #expect(rules.rules.map(\.hasPresence) == [true, false, true])
      #expect(rules.rules.map(\.sendsLast) == [true, false, false])
    }
  }

  @Test func whoMaySignalIsWhoMayPublish() throws {
    let rules = try rules("channels: [{match: a, publish: members}, {match: b, publish: server, signal: anyone}]")
    #expect(rules.rules.map(\.signal) == [.members, .anyone])
  }

  @Test func theDefaultsOfAnOpenNode() throws {
    let text = "channels: [{match: a, subscribe: token}]"
    let open = try rules(text, isOpen: true, isDevelopment: true)
    #expect(open.direct == .anyone)
    #expect(open.rules.last?.publish == .anyone)
    #expect(open.rules.last?.subscribe == .token)
    #expect(try rules("direct: server", isDevelopment: true).direct == .server)
    #expect(try rules(text, isOpen: true).direct == .server)
  }

  @Test func history() throws {
    let rules = try rules(
      """
      channels:
        - { match: a, history: { size: 5 } }
        - { match: b, history: { size: 10000, ttl: 2 } }
        - { match: c, last: true }
        - { match: d, last: true, history: { size: 7, ttl: 1h } }
        - { match: e, last: false }
      """)
    #expect(
      rules.rules.map(\.history) == [
        HistoryRule(size: 5, timeToLive: 600_000), HistoryRule(size: 10000, timeToLive: 2000),
        HistoryRule(size: 1, timeToLive: 600_000), HistoryRule(size: 7, timeToLive: 3_600_000), nil,
      ])
  }

  @Test func noRulesForbidEverything() throws {
    #expect(try rules("channels: []").rules.isEmpty)
  }

  @Test(arguments: [
    ("overflw: drop", "`overflow`"), ("overflow: explode", "conflate"), ("publish: everyone", "members"),
    ("subscribe: server", "token"), ("signal: token", "server"), ("presence: yes", "true or false"),
    ("last: 1", "true or false"), ("history: 100", "size, ttl"), ("history: { ttl: 1m }", "`size`"),
    ("history: { size: 0 }", "from 1 to 10000"), ("history: { size: 10001 }", "from 1 to 10000"),
    ("history: { size: 1e3 }", "whole number"), ("history: { size: 1, ttl: 10 minutes }", "time such as"),
    ("history: { size: 1, ttl: 999ms }", "at least 1s"), ("history: { size: 1, tll: 1m }", "`ttl`"),
    ("match: b", "twice"),
  ])
  func whatIsWrongWithARule(_ field: String, _ hint: String) {
    let error = refusal { try rules("channels:\n  - match: a\n    \(field)") }
    #expect(error.hasPrefix("apus.yaml, line 3: "), "\(error)")
    #expect(error.contains(hint), "\(error)")
  }

  @Test(arguments: [
    ("channels:\n  - overflow: drop", "line 2", "`match`"), ("channels:\n  - match: ''", "line 2", "pattern"),
    ("channels:\n  - room", "line 2", "match"), ("channels:\n  - match: [a]", "line 2", "single value"),
    ("channels:\n  - match: a\n  - match: b\n  - match: a", "line 4", "line 2"),
  ])
  func whatIsWrongWithTheList(_ text: String, _ place: String, _ hint: String) {
    let error = refusal { try rules(text) }
    #expect(error.hasPrefix("apus.yaml, \(place): "), "\(error)")
    #expect(error.contains(hint), "\(error)")
  }

  @Test func rulesThatNeverCountAreTold() throws {
    let file = try ConfigurationFile(
      text: """
        channels:
          - match: "news"
          - match: "room:*"
          - match: "room:1"
          - match: "*"
          - match: "n*"
          - match: "$secret"
        """, named: "apus.yaml")
    #expect(
      file.warnings == [
        #"apus.yaml, line 4: the rule for "room:1" never applies: "room:*" in line 3 matches all its channels and comes first."#,
        #"apus.yaml, line 6: the rule for "n*" never applies: "*" in line 5 matches all its channels and comes first."#,
        #"apus.yaml, line 7: the rule for "$secret" never applies: no client can use a channel with such a name."#,
      ])
    #expect(try ConfigurationFile(text: "port: 1", named: "apus.yaml").warnings.isEmpty)
  }

  @Test(arguments: [
    ("[]", ["demo:doc:*", "demo:*"]), ("[{match: '*'}]", ["demo:doc:*", "demo:*", "*"]),
    ("[{match: a}]", ["demo:doc:*", "demo:*", "a"]),
    ("[{match: 'demo:lobby'}, {match: '*'}]", ["demo:doc:*", "demo:lobby", "demo:*", "*"]),
    ("[{match: 'demo:doc:1'}]", ["demo:doc:1", "demo:doc:*", "demo:*"]),
    ("[{match: 'demo:doc:*'}]", ["demo:doc:*", "demo:*"]), ("[{match: 'demo:*'}]", ["demo:*"]),
    ("[{match: a}, {match: 'demo:*'}]", ["a", "demo:*"]),
    ("[{match: a}, {match: 'demo:a'}, {match: b}]", ["demo:doc:*", "a", "demo:a", "demo:*", "b"]),
    ("[{match: 'd*'}, {match: 'demo:a'}]", ["demo:doc:*", "demo:*", "d*", "demo:a"]),
  ])
  func theRuleOfDevelopmentCoversNoneOfTheFile(_ list: String, _ patterns: [String]) throws {
    #expect(try rules("channels: \(list)", isDevelopment: true).rules.map(\.match.text) == patterns)
  }
}
