import Glibc
import Locks
import Logging
import LoopTestSupport
import Reactor
import Testing

@Suite struct UnixListenerTests {
  private let logger = Logger(label: "test")
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func address(_ name: String) throws -> SocketAddress {
    try #require(SocketAddress(unixPath: folder.file(name)))
  }

  private func canConnect(_ address: SocketAddress) -> Bool {
    guard let fd = try? Sys.connect(to: address) else { return false }
    Sys.close(fd)
    return true
  }

  @Test func accepts() throws {
    let socket = try ListeningSocket.open(address("a"), count: 1)[0]
    let loop = try Loop()
    var accepted: [Int32] = []
    let listener = try Listener(socket, on: loop, logger: logger) { [unowned loop] fd, _ in
      accepted.append(fd)
      loop.stop()
    }
    let client = try Sys.connect(to: socket.address)
    try loop.runUntilStopped()
    #expect(accepted.count == 1)
    listener.close()
    for fd in accepted + [client] { Sys.close(fd) }
  }

  @Test func whatADeadProcessLeftBehindIsReplaced() throws {
    let address = try address("stale")
    let dead = try ListeningSocket.open(address, count: 1)
    Sys.close(dead[0].fd)
    #expect(!canConnect(address), "the path is there and nobody listens")
    let next = try ListeningSocket.open(address, count: 1)
    #expect(canConnect(address))
    Sys.close(next[0].fd)
  }

  @Test func aPathThatAnswersIsRefused() throws {
    let address = try address("live")
    let first = try ListeningSocket.open(address, count: 1)
    let error = #expect(throws: SystemError.self) { try ListeningSocket.open(address, count: 1) }
    #expect(error?.errno == EADDRINUSE)
    #expect(canConnect(address), "the first is undisturbed")
    Sys.close(first[0].fd)
  }

  /// Connecting to a file that is no socket is refused as if nobody listened; it is not ours to remove.
  @Test func aFileThatIsNoSocketIsLeftAlone() throws {
    let path = folder.file("precious")
    let fd = open(path, O_CREAT | O_WRONLY, 0o600)
    try #require(write(fd, "data", 4) == 4)
    Sys.close(fd)
    let address = try #require(SocketAddress(unixPath: path))
    if let sockets = try? ListeningSocket.open(address, count: 1) {
      Issue.record("listening where a file was")
      for socket in sockets { Sys.close(socket.fd) }
    }
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_size == 4)
  }

  @Test func itsFileIsTakenAway() throws {
    let address = try address("own")
    let socket = try ListeningSocket.open(address, count: 2)
    socket[0].file?.remove()
    #expect(access(folder.file("own"), F_OK) != 0)
    socket[1].file?.remove()
    for each in socket { Sys.close(each.fd) }
  }

  @Test func whatStandsInItsPlaceIsLeftAlone() throws {
    let address = try address("taken")
    let first = try ListeningSocket.open(address, count: 1)[0]
    unlink(folder.file("taken"))
    let second = try ListeningSocket.open(address, count: 1)[0]
    first.file?.remove()
    #expect(canConnect(address), "it is another's")
    second.file?.remove()
    let fd = open(folder.file("taken"), O_CREAT | O_WRONLY, 0o600)
    second.file?.remove()
    #expect(access(folder.file("taken"), F_OK) == 0)
    for each in [first.fd, second.fd, fd] { Sys.close(each) }
  }

  @Test func aFolderThatIsNotThereIsAnError() throws {
    let address = try #require(SocketAddress(unixPath: folder.path + "/nowhere/socket"))
    let error = #expect(throws: SystemError.self) { try ListeningSocket.open(address, count: 1) }
    #expect(error?.errno == ENOENT)
  }

  /// One socket for all loops, and a descriptor of its own for each: closing one leaves the others.
  @Test func loopsShareTheSocket() throws {
    let sockets = try ListeningSocket.open(address("shared"), count: 3)
    #expect(Set(sockets.map(\.fd)).count == 3)
    #expect(Set(sockets.map(\.address)).count == 1)
    Sys.close(sockets[0].fd)
    let count = Lock(0)
    let logger = logger
    let threads = try sockets.dropFirst().map { socket in
      try LoopThread.start("test-unix") { loop in
        try Listener(socket, on: loop, logger: logger) { fd, _ in
          count.withLock { $0 += 1 }
          Sys.close(fd)
        }
      }
    }
    let clients = try (0..<50).map { _ in try Sys.connect(to: sockets[0].address) }
    #expect(eventually { count.withLock { $0 } == 50 })
    for thread in threads { thread.stop() }
    for fd in clients + sockets.dropFirst().map(\.fd) { Sys.close(fd) }
  }
}
