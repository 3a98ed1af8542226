import Glibc
import Locks
import Reactor
import Redis

/// A redis-server of a test's own: on a unix socket in a directory of its own, with nothing kept on disk.
final class RedisProcess: Sendable {
  private struct Run {
    let server: ChildProcess
    let watchdog: Watchdog
  }

  /// The path of its socket, the same after a restart.
  let socket: String
  private let directory: String
  private let options: [String]
  private let run = Lock<Run?>(nil)

  /// A server that does not run yet; `options` are added to its command line.
  init(options: [String] = []) throws {
    var template = Array("/tmp/apus-redis.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure("no directory for Redis") }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    socket = directory + "/redis.sock"
    self.options = options
    Sys.ignoreSIGPIPE()
  }

  private var log: String { directory + "/redis.log" }

  /// Starts it, or starts it again after `kill`, empty; returns when it answers.
  func start() async throws {
    let words = [
      "redis-server", "--port", "0", "--unixsocket", socket, "--dir", directory, "--save", "", "--appendonly", "no",
    ]
    let server = try ChildProcess.start(words + options, output: log)
    let watchdog = try Watchdog(over: server)
    run.withLock { $0 = Run(server: server, watchdog: watchdog) }
    while !answers() {
      guard !server.hasEnded() else {
        run.withLock { $0 = nil }
        watchdog.dismiss()
        throw Failure("redis-server ended at once:\n\(text(of: log))")
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Ends it where it stands.
  func kill() {
    let ended = run.withLock { run in
      defer { run = nil }
      return run
    }
    ended?.server.end(SIGKILL)
    ended?.watchdog.dismiss()
  }

  /// Runs `body` while it does nothing; connections stay open, and new ones are accepted by the kernel.
  ///
  /// `body` cannot suspend: where all tests wait for a thread, a node loses its lease, which lasts 10 s, before `body`
  /// is continued.
  func whilePaused<Result>(_ body: () throws -> Result) rethrows -> Result {
    pause()
    defer { resume() }
    return try body()
  }

  /// Lets it do nothing more until `resume`. For what takes as long as it takes; see `whilePaused`.
  func pause() { run.withLock { $0 }?.server.pause() }

  func resume() { run.withLock { $0 }?.server.send(SIGCONT) }

  /// Ends it and removes its directory.
  func remove() {
    kill()
    for name in files() { unlink("\(directory)/\(name)") }
    rmdir(directory)
  }

  // MARK: -

  /// Any answer will do: one that asks for a password runs as well.
  private func answers() -> Bool {
    guard let reply = try? RedisProbe(socket).call("PING") else { return false }
    return reply.error?.code != .loading
  }

  /// What stands in its directory: one of a Cluster writes down what it knows of the others.
  private func files() -> [String] {
    guard let entries = opendir(directory) else { return [] }
    defer { closedir(entries) }
    var names: [String] = []
    while let entry = readdir(entries) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  private func text(of path: String) -> String {
    let fd = open(path, O_RDONLY)
    guard fd >= 0 else { return "" }
    defer { close(fd) }
    var bytes = [UInt8](repeating: 0, count: 8192)
    let count = read(fd, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}
