import Cluster
import Model
import Testing

/// Every live node is asked about itself.
struct SurveyTests {
  private func survey(_ node: BrokerHarness, _ text: String = "x") async throws -> SurveyAnswer {
    let answer = try await node.ask(.survey(Array(text.utf8)))
    guard case .surveyed(let survey) = answer else { throw Unexpected(answer: answer) }
    return survey
  }

  private struct Unexpected: Error {
    let answer: HeardAnswer
  }

  // MARK: One node

  @Test(arguments: BrokerKind.allCases)
  func aNodeTellsOfItself(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      for text in ["x", "a\nb", "q 1 a.b\n{}", "\u{0}", "漢字 🐦", String(repeating: "x", count: Survey.maxBytes)] {
        let survey = try await survey(node, text)
        #expect(survey.replies == [node.id.string: text] && survey.silent == [])
      }
      #expect(node.log.surveyed.count == 6)
      node.log.answerSurveys { Array("\($0.count)".utf8) }
      #expect(try await survey(node, "abc").replies == [node.id.string: "3"])
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func aNodeThatCannotTellIsSilent(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      node.log.answerSurveys { _ in [] }
      let survey = try await survey(node)
      #expect(survey.replies == [:] && survey.silent == [node.id.string])
      node.log.answerSurveys { $0 }
      #expect(try await self.survey(node).silent == [])
    }
  }

  @Test(arguments: BrokerKind.allCases)
  func questionsAreKeptApart(_ kind: BrokerKind) async throws {
    try await withNode(kind) { node in
      let numbers = (0..<50).map { number in (number, node.sendAsk(.survey(Array("\(number)".utf8)))) }
      for (number, answer) in numbers {
        try await wait(until: { node.log.controlAnswer(answer) != nil }, "\(number) was not answered")
        guard case .surveyed(let survey)? = node.log.controlAnswer(answer) else {
          Issue.record("\(number) was answered otherwise")
          continue
        }
        #expect(survey.replies == [node.id.string: "\(number)"])
      }
    }
  }

  // MARK: Several nodes

  /// Nodes that answer with their names.
  private func nodes(_ cluster: Cluster, _ names: String...) async throws -> [BrokerHarness] {
    var nodes: [BrokerHarness] = []
    for name in names {
      let node = try await cluster.start(name)
      node.log.answerSurveys { Array("\(name) ".utf8) + $0 }
      nodes.append(node)
    }
    return nodes
  }

  @Test func eachNodeIsAskedByEach() async throws {
    try await withCluster { cluster in
      let nodes = try await nodes(cluster, "web-1", "web-2", "web-3")
      let replies = Dictionary(uniqueKeysWithValues: nodes.map { ($0.id.string, "\($0.id.name) hello") })
      for node in nodes {
        let survey = try await survey(node, "hello")
        #expect(survey.replies == replies && survey.silent == [])
      }
      for node in nodes { #expect(node.log.surveyed == ["hello", "hello", "hello"]) }
    }
  }

  @Test func aNodeThatNeverAnswersIsSilentAfterAWhile() async throws {
    try await withCluster { cluster in
      let nodes = try await nodes(cluster, "web-1", "web-2", "web-3")
      nodes[1].log.answerSurveys { _ in nil }
      let survey = try await survey(nodes[0])
      #expect(survey.replies == [nodes[0].id.string: "web-1 x", nodes[2].id.string: "web-3 x"])
      #expect(survey.silent == [nodes[1].id.string])
      #expect(survey.leaseAges.allSatisfy { (0..<60_000).contains($0) })
      // It answers others all the same.
      nodes[1].log.answerSurveys { $0 }
      #expect(try await self.survey(nodes[2]).silent == [])
    }
  }

  @Test func aNodeThatHasDiedIsSilentForAsLongAsItsLeaseLasts() async throws {
    try await withCluster { cluster in
      let nodes = try await nodes(cluster, "web-1", "web-2")
      let dead = nodes[1].id.string
      nodes[1].halt()
      let survey = try await survey(nodes[0])
      #expect(survey.replies == [nodes[0].id.string: "web-1 x"] && survey.silent == [dead])
      try await wait(until: { try await self.survey(nodes[0]).silent == [] }, "it is waited for for ever")
    }
  }

  @Test func aNodeThatHasStoppedIsNotAsked() async throws {
    try await withCluster { cluster in
      let nodes = try await nodes(cluster, "web-1", "web-2")
      await nodes[1].stop()
      let survey = try await survey(nodes[0])
      #expect(survey.replies == [nodes[0].id.string: "web-1 x"] && survey.silent == [])
      #expect(nodes[1].log.surveyed == [])
    }
  }

  @Test func clustersOfAnotherPrefixAreNotAsked() async throws {
    try await withCluster { cluster in
      let other = try await cluster.start("web-1", prefix: "other:")
      let node = try await cluster.start("web-1")
      #expect(try await survey(node).replies.keys.sorted() == [node.id.string])
      #expect(other.log.surveyed == [])
    }
  }

  @Test func anAnswerThatIsTooLongIsNone() async throws {
    try await withCluster { cluster in
      let nodes = try await nodes(cluster, "web-1", "web-2")
      nodes[1].log.answerSurveys { _ in [UInt8](repeating: 0x20, count: Survey.maxBytes) }
      #expect(try await survey(nodes[0]).replies[nodes[1].id.string]?.utf8.count == Survey.maxBytes)
      nodes[1].log.answerSurveys { _ in [UInt8](repeating: 0x20, count: Survey.maxBytes + 1) }
      let survey = try await survey(nodes[0])
      #expect(survey.replies.keys.sorted() == [nodes[0].id.string] && survey.silent == [nodes[1].id.string])
    }
  }

  // MARK: Redis

  @Test func withoutRedisNobodyIsAsked() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      cluster.redis.kill()
      try await node.waitForLink(.down)
      #expect(try await node.ask(.survey([1])) == .refused(.unavailable))
      #expect(node.log.surveyed == [])
      try await cluster.redis.start()
      try await node.waitForLink(.up)
      try await wait(until: { await node.status().isReady }, "\(await node.status().dependencies)")
      #expect(try await survey(node).replies == [node.id.string: "x"])
    }
  }

  @Test func whereRedisGoesMeanwhileItIsNotKnownWhoWasAsked() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      cluster.redis.pause()
      let number = node.sendAsk(.survey([1]))
      node.flush()
      cluster.redis.kill()
      try await wait(until: { node.log.controlAnswer(number) != nil }, "no answer")
      #expect(node.log.controlAnswer(number) == .refused(.timeout))
    }
  }

  @Test func onlySoManyAreUnderWay() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let numbers = cluster.redis.whilePaused {
        let numbers = (0..<80).map { _ in node.sendAsk(.survey([1])) }
        node.flush()
        let answers = numbers.compactMap { node.log.controlAnswer($0) }
        #expect(answers == Array(repeating: .refused(.unavailable), count: 16))
        return numbers
      }
      try await wait(until: { numbers.allSatisfy { node.log.controlAnswer($0) != nil } }, "some were not answered")
    }
  }

  // MARK: Other programs

  @Test func answersToNothingAreNobodys() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      #expect(try await survey(node).silent == [])
      for number in ["0", "1", "2", "18446744073709551615"] {
        for channel in ["apus:control", "apus:control:\(node.id)"] {
          try cluster.redis.call("PUBLISH", channel, "a \(number) \(node.id)\nforged")
          try cluster.redis.call("PUBLISH", channel, "a \(number) nobody.x\n")
        }
      }
      try await node.settle("room")
      #expect(try await survey(node).replies.keys.contains(node.id.string))
      let status = await node.status()
      #expect(status.malformedPayloads == 0 && status.unknownPayloads == 0 && status.isReady)
      #expect(node.log.links == [.lost, .up])
    }
  }

  @Test func whoeverAsksIsAnswered() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      let probe = try cluster.redis.connect()
      _ = try probe.call("SUBSCRIBE", "apus:control:nobody.x")
      try cluster.redis.call("PUBLISH", "apus:control", "q 7 nobody.x\nwho are you")
      #expect(try probe.receive().elements.last?.text == "a 7 \(node.id)\nwho are you")
      #expect(node.log.surveyed == ["who are you"])
    }
  }

  @Test func questionsThatAreNoneAreDroppedAndCounted() async throws {
    try await withCluster { cluster in
      let node = try await cluster.start("web-1")
      try await node.attach("room")
      let garbage = [
        "q", "a", "q \n", "a \n", "q 1\nx", "q 1 nobody\nx", "q x nobody.x\nx", "q -1 nobody.x\nx", "a 1 nobody.x",
        "a 1 no body.x\nx",
        "q 1 nobody.x:y\nx", "q 1 ../x.y\nx", "q 1 " + String(repeating: "x", count: 300) + ".y\nx",
      ]
      for text in garbage { try cluster.redis.call("PUBLISH", "apus:control", text) }
      try await node.settle("room")
      // Without a line behind it a letter alone is anything.
      let status = await node.status()
      #expect(status.malformedPayloads + status.unknownPayloads == garbage.count)
      #expect(status.malformedPayloads >= garbage.count - 2)
      #expect(node.log.surveyed == [])
      #expect(try await survey(node).replies == [node.id.string: "x"])
    }
  }

  /// The set of all nodes may hold anything.
  @Test func leasesThatNobodyHasDoNotEndTheNode() async {
    await #expect(processExitsWith: .success) {
      try await withCluster { cluster in
        let node = try await cluster.start("web-1")
        for (score, id) in [("inf", "a.b"), ("1e300", "\"}"), ("9007199254740993", "")] {
          try cluster.redis.call("ZADD", "apus:nodes", score, id)
        }
        _ = try await node.ask(.survey([1]))
      }
    }
  }
}
