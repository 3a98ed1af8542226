import Redis

/// The Lua scripts that run inside Redis; each says in its own file what it takes and gives.
enum Script: CaseIterable {
  case join, leave, roster, renew, expired, identify, doubt, publish, read, send, forget, survey, clear

  /// Its text; where it has to do with the run of Redis, `run.lua` stands before it.
  var source: [UInt8] {
    switch self {
    case .identify, .doubt, .publish, .read, .clear: PackageResources.run_lua + body
    case .join, .leave, .roster, .renew, .expired, .send, .forget, .survey: body
    }
  }

  private var body: [UInt8] {
    switch self {
    case .join: PackageResources.join_lua
    case .leave: PackageResources.leave_lua
    case .roster: PackageResources.roster_lua
    case .renew: PackageResources.renew_lua
    case .expired: PackageResources.expired_lua
    case .identify: PackageResources.identify_lua
    case .doubt: PackageResources.doubt_lua
    case .publish: PackageResources.publish_lua
    case .read: PackageResources.read_lua
    case .send: PackageResources.send_lua
    case .forget: PackageResources.forget_lua
    case .survey: PackageResources.survey_lua
    case .clear: PackageResources.clear_lua
    }
  }
}

/// Runs scripts by their digest over one link.
///
/// When Redis has forgotten them (NOSCRIPT, after SCRIPT FLUSH) the runner parks: it loads them all, sends what was
/// refused again, in order, and only then anything newer.
final class ScriptRunner {
  private typealias Call = (command: RedisCommand, answer: (RedisLink.Outcome) -> Void)

  private unowned let link: RedisLink
  private let pubSub: PubSub
  private var digests: [Script: String] = [:]
  private var isLoading = false
  private var refused: [Call] = []
  private var parked: [Call] = []

  init(link: RedisLink, _ pubSub: PubSub) {
    self.link = link
    self.pubSub = pubSub
  }

  /// Loads every script; `then` gets the first error, if any.
  func load(then: @escaping (RedisError?) -> Void) {
    var failure: RedisError?
    let last = Script.allCases.count - 1
    for (index, script) in Script.allCases.enumerated() {
      var command = RedisCommand("SCRIPT", "LOAD")
      command.arg(pubSub.text(of: script))
      let sent = link.send(command) { [unowned self] outcome in
        guard case .reply(let reply) = outcome else { return }
        if let error = reply.error { failure = failure ?? error } else { digests[script] = reply.string }
        if index == last { then(failure) }
      }
      guard sent else { return link.reset("the scripts cannot be sent") }
    }
  }

  /// Runs a script; `answer` is called exactly once, later. False, and nothing is called, when there is no link.
  func run(
    _ script: Script, keys: [String], _ arguments: [ScriptArgument], answer: @escaping (RedisLink.Outcome) -> Void
  ) -> Bool {
    guard let digest = digests[script] else { return false }
    var command = RedisCommand("EVALSHA", digest)
    command.arg(keys.count)
    for key in keys { command.arg(key) }
    for argument in arguments {
      switch argument {
      case .text(let text): command.arg(text)
      case .bytes(let bytes): command.arg(bytes)
      }
    }
    if isLoading {
      parked.append((command, answer))
      return true
    }
    return send((command, answer))
  }

  private func send(_ call: Call) -> Bool {
    link.send(call.command) { [unowned self] outcome in
      if case .reply(let reply) = outcome, reply.kind == .error, reply.error?.code == .noScript {
        refused.append(call)
        reload()
      } else {
        call.answer(outcome)
      }
    }
  }

  private func reload() {
    guard !isLoading else { return }
    isLoading = true
    load { [unowned self] error in
      // The answers of everything sent before have come by now, so `refused` is complete.
      isLoading = false
      let again = refused + parked
      refused = []
      parked = []
      if let error { link.reset("scripts cannot be loaded: \(error.message)") }
      for call in again where error != nil || !send(call) {
        call.answer(.lost)
        // Whoever asked believes that the link is gone, so it has to be.
        if error == nil { link.reset("it cannot take any more") }
      }
    }
  }

  /// The link is gone: what was parked is lost with it.
  func linkLost() {
    isLoading = false
    let lost = refused + parked
    refused = []
    parked = []
    for call in lost { call.answer(.lost) }
  }
}

/// One argument of a script.
enum ScriptArgument: ExpressibleByStringLiteral {
  case text(String)
  case bytes([UInt8])

  init(stringLiteral value: String) {
    self = .text(value)
  }
}

@available(*, unavailable)
extension ScriptRunner: Sendable {}
