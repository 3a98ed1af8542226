import Glibc

/// A process a test has started.
struct ChildProcess: Sendable {
  let id: pid_t

  /// Starts a program that is found by the search path, with an empty environment.
  ///
  /// `input` becomes its standard input; what it says is appended to the file `output`.
  static func start(_ words: [String], input: Int32? = nil, output: String) throws -> ChildProcess {
    var files = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&files)
    defer { posix_spawn_file_actions_destroy(&files) }
    if let input { posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO) }
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO)
    var arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var environment: [UnsafeMutablePointer<CChar>?] = [nil]
    var id = pid_t()
    let status = posix_spawnp(&id, words[0], &files, nil, &arguments, &environment)
    guard status != ENOENT else { throw Failure("\(words[0]) is not installed: apt-get install \(words[0])") }
    guard status == 0 else { throw Failure("\(words[0]): " + String(cString: strerror(status))) }
    return ChildProcess(id: id)
  }

  func send(_ signal: Int32) {
    kill(id, signal)
  }

  /// Sends the signal and waits until the process has ended.
  func end(_ signal: Int32) {
    send(signal)
    waitpid(id, nil, 0)
  }

  /// Stops it where it stands until SIGCONT; returns when it has stopped, which is some time after the signal.
  func pause() {
    send(SIGSTOP)
    waitpid(id, nil, WUNTRACED)
  }

  /// Whether it has ended by itself; it must not be asked or ended after that.
  func hasEnded() -> Bool {
    waitpid(id, nil, WNOHANG) != 0
  }
}

/// Ends another process when this one dies, however that comes: a crashed test must leave no server behind.
final class Watchdog: Sendable {
  private let process: ChildProcess
  /// Nobody ever writes here; the watchdog reads the end of it when we are gone.
  private let lifeline: Int32

  init(over child: ChildProcess) throws {
    var ends: [Int32] = [0, 0]
    // Not a pipe: only this closes both ends in children that are started at the same moment.
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Failure("no pair of sockets") }
    lifeline = ends[1]
    defer { close(ends[0]) }
    process = try .start(["sh", "-c", "read _; kill -9 \(child.id)"], input: ends[0], output: "/dev/null")
  }

  /// The other process has ended in order; called once.
  func dismiss() {
    process.end(SIGKILL)
    close(lifeline)
  }
}

/// What keeps a test from running, in a sentence.
struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
