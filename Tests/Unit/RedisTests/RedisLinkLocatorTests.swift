import Glibc
import Logging
import LoopTestSupport
import Reactor
import Testing

@testable import Redis

/// A link asks where to connect before each attempt, and leaves what has moved away.
@Suite struct RedisLinkLocatorTests {
  /// Keeps what is asked until the test answers it.
  private final class Asked: Locator {
    var peer = LinkPeer.redis
    let description = "somewhere"
    let overdue = "nothing was said"
    var questions: [(Result<RedisURL, NoLocation>) -> Void] = []
    /// Called with how often was asked.
    var onQuestion: (Int) -> Void = { _ in }

    func locate(_ answer: @escaping (Result<RedisURL, NoLocation>) -> Void) {
      questions.append(answer)
      onQuestion(questions.count)
    }
  }

  private let loop: Loop
  private let locator = Asked()
  private let link: RedisLink

  init() throws {
    loop = try Loop()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    link = RedisLink(by: locator, name: "test", on: loop, timeout: 300, logger: logger)
  }

  /// Runs the link until there are so many events: what each says.
  private func reasons(_ count: Int) throws -> [String] {
    var reasons: [String] = []
    link.onEvent = { [link, loop] event in
      switch event {
      case .connected: reasons.append("connected")
      case .lost(let reason): reasons.append("lost: \(reason)")
      case .unreachable(let reason): reasons.append(reason)
      }
      guard reasons.count == count else { return }
      link.stop()
      loop.stop()
    }
    link.start()
    try loop.runUntilStopped()
    return reasons
  }

  @Test func eachAttemptBeginsWithTheQuestion() throws {
    let nowhere = try RedisURL("unix:///nowhere/redis.sock")
    locator.onQuestion = { [locator] number in
      let answer = locator.questions[number - 1]
      number == 2 ? answer(.failure(NoLocation(reason: "nobody knows"))) : answer(.success(nowhere))
    }
    let reasons = try reasons(3)
    #expect(locator.questions.count == 3)
    #expect(reasons[1] == "nobody knows")
    #expect(reasons[0] == reasons[2] && reasons[0].contains("No such file"))
  }

  @Test func whereThePrimaryIsSaidToBeIsPartOfTheReason() throws {
    locator.peer = .primary
    let nowhere = try RedisURL("unix:///nowhere/redis.sock")
    locator.onQuestion = { [locator] number in
      let answer = locator.questions[number - 1]
      number == 2 ? answer(.failure(NoLocation(reason: "nobody knows"))) : answer(.success(nowhere))
    }
    let reasons = try reasons(2)
    #expect(reasons[0].hasPrefix("the primary /nowhere/redis.sock that the Sentinels name: "))
    #expect(reasons[0].contains("No such file"))
    #expect(reasons[1] == "nobody knows")
  }

  @Test func theQuestionIsAPartOfTheTime() throws {
    let nowhere = try RedisURL("unix:///nowhere/redis.sock")
    locator.onQuestion = { [link, locator] number in
      // What was asked for an earlier attempt says nothing of this one.
      guard number == 2 else { return }
      locator.questions[0](.success(nowhere))
      #expect(link.target == nil)
    }
    #expect(try reasons(2) == ["nothing was said within 300 ms", "nothing was said within 300 ms"])
  }

  @Test func whatHasMovedIsLeftInTheMiddleOfAnAttempt() throws {
    var name = Array("/tmp/apus-link-XXXXXX".utf8CString)
    let made = try #require(mkdtemp(&name))
    let folder = String(cString: made)
    let path = "\(folder)/redis.sock"
    defer {
      unlink(path)
      rmdir(folder)
    }
    // It takes connections, and answers nobody.
    let silent = try ListeningSocket.open(try #require(SocketAddress(unixPath: path)), count: 1)
    defer { for socket in silent { Sys.close(socket.fd) } }
    let (here, there) = (try RedisURL("unix://\(path)"), try RedisURL("unix:///nowhere/redis.sock"))
    var left = 0
    locator.onQuestion = { [link, locator, loop] number in
      locator.questions[number - 1](.success(number <= 3 ? here : there))
      guard number <= 3 else { return }
      loop.after(30) {
        link.leave(unless: here, "it has not moved")
        #expect(link.target == here)
        link.leave(unless: there, "it has moved")
        #expect(link.target == nil)
        left += 1
      }
    }
    let reasons = try reasons(1)
    #expect(left == 3)
    #expect(reasons[0].contains("No such file"), "being led elsewhere is no failure")
  }
}
