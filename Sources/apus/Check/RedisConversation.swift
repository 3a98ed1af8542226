import JSON
import Locks
import Logging
import Reactor
import Redis
import TLS

/// An answer of Redis that may leave its loop.
enum RedisAnswer: Equatable, Sendable {
  case text(String)
  case integer(Int)
  case list([RedisAnswer])
  case nothing
  case refused(RedisError)
  /// The connection was lost, or it took too long.
  case lost

  init(_ view: RedisReplyView) {
    switch view.kind {
    case .string, .status: self = .text(view.string)
    case .integer: self = .integer(view.integer)
    case .array: self = .list(view.children.map { RedisAnswer($0) })
    case .null: self = .nothing
    case .error: self = .refused(RedisError(view.string.printable))
    }
  }

  var text: String? {
    if case .text(let text) = self { text } else { nil }
  }
}

/// One connection to Redis on a thread of its own, asked one command at a time.
final class RedisConversation: Sendable {
  private let thread: LoopThread
  private let talk: LoopBound<Talk>

  /// What lives on the loop.
  private final class Talk {
    let link: RedisLink
    /// Waits for the first attempt to connect; its argument is the reason when that failed.
    var onFirst: ((String?) -> Void)?
    var isOver = false

    init(_ link: RedisLink) {
      self.link = link
    }

    func first(_ reason: String?) {
      onFirst?(reason)
      onFirst = nil
    }
  }

  /// Starts the thread; nothing is connected yet.
  init(_ url: RedisURL, peer: LinkPeer = .redis, security: TLSContext?, timeout: Int64) throws {
    let made = Lock<LoopBound<Talk>?>(nil)
    thread = try LoopThread.start("apus-check") { loop in
      // What the link would log is told as findings.
      let logger = Logger(label: "apus-check") { _ in SwiftLogNoOpLogHandler() }
      let talk = Talk(
        RedisLink(
          by: FixedLocator(url, peer: peer), security: security, name: "apus-check", on: loop, timeout: timeout,
          logger: logger))
      made.withLock { $0 = LoopBound(talk, on: loop) }
      return talk
    }
    guard let talk = made.withLock({ $0 }) else { throw SystemError("pthread_create", errno: 0) }
    self.talk = talk
  }

  /// Connects and logs in; the reason when that is not possible.
  func connect() async -> String? {
    await withCheckedContinuation { continuation in
      let accepted = talk.execute { talk in
        guard !talk.isOver else { return continuation.resume(returning: "no connection in time") }
        talk.onFirst = { continuation.resume(returning: $0) }
        talk.link.onEvent = { [unowned talk] event in
          switch event {
          case .connected: talk.first(nil)
          case .lost(let reason), .unreachable(let reason): talk.first(reason)
          }
        }
        talk.link.start()
      }
      if !accepted { continuation.resume(returning: "no connection in time") }
    }
  }

  /// What TLS has agreed on; nil where there is none.
  func security() async -> ByteStream.Security? {
    await withCheckedContinuation { continuation in
      let accepted = talk.execute { talk in continuation.resume(returning: talk.link.streamSecurity) }
      if !accepted { continuation.resume(returning: nil) }
    }
  }

  /// Redis' answer, and how long it took, without the way between threads.
  func ask(_ command: RedisCommand) async -> (answer: RedisAnswer, time: Duration) {
    let (answer, time) = await ask(command) { RedisAnswer($0) }
    return (answer ?? .lost, time)
  }

  /// The same with what `read`, which runs on the loop, takes of the answer; nil when it was lost.
  func ask<Value: Sendable>(
    _ command: RedisCommand, _ read: @escaping @Sendable (RedisReplyView) -> Value
  ) async -> (answer: Value?, time: Duration) {
    await withCheckedContinuation { continuation in
      let accepted = talk.execute { talk in
        let began = ContinuousClock.now
        let sent = talk.link.send(command) { outcome in
          let time = ContinuousClock.now - began
          switch outcome {
          case .reply(let reply): continuation.resume(returning: (read(reply), time))
          case .lost: continuation.resume(returning: (nil, time))
          }
        }
        if !sent { continuation.resume(returning: (nil, .zero)) }
      }
      if !accepted { continuation.resume(returning: (nil, .zero)) }
    }
  }

  /// Ends what is under way; whatever waits is answered as lost.
  func hangUp() {
    talk.execute { talk in
      talk.isOver = true
      talk.link.stop()
      talk.first("no connection in time")
    }
  }

  /// Ends the thread, after `hangUp` if nothing else has.
  func end() {
    hangUp()
    thread.stop()
  }
}
