import CReactor
import Glibc
import Logging
import Model

/// A listening socket on one loop.
///
/// Accepts up to 8 connections a turn, so that a storm of them does not keep the others waiting. When the system has nothing
/// left to accept with it looks away for a moment: the listener stays readable, and the loop would spin.
package final class Listener: EventSource {
  static let backlog: Int32 = 4096
  private static let batch = 8
  /// Milliseconds for which it looks away when nothing can be accepted.
  private static let pause: Int64 = 100

  package let address: SocketAddress
  private let fd: Int32
  private let loop: Loop
  private let logger: Logger
  private let accepted: (Int32, IPAddress?) -> Void
  private var registration: Registration?
  private var pauseTimer: TimerID?
  private let interest: Readiness
  private var hasComplained = false

  /// Listens with an open socket (see `ListeningSocket`); `accepted` gets each descriptor, non-blocking, and owns it, and
  /// the address of its peer; nil means a unix socket and nothing else, since accept(2) tells it even of a connection that
  /// was reset meanwhile.
  package init(
    _ socket: ListeningSocket, on loop: Loop, logger: Logger, accepted: @escaping (Int32, IPAddress?) -> Void
  ) throws(SystemError) {
    self.loop = loop
    self.logger = logger
    self.accepted = accepted
    fd = socket.fd
    address = socket.address
    interest = socket.isShared ? [.readable, .exclusive] : .readable
    registration = try loop.add(fd, interest, source: self)
  }

  /// Stops accepting; a socket of this loop alone is closed.
  package func close() {
    guard registration != nil || pauseTimer != nil else { return }
    if let registration { loop.remove(registration, fd: fd) }
    if let pauseTimer { loop.cancel(pauseTimer) }
    registration = nil
    pauseTimer = nil
    Sys.close(fd)
  }

  package func expired(key: UInt32) {
    pauseTimer = nil
    do {
      registration = try loop.add(fd, interest, source: self)
    } catch {
      lookAway()
    }
  }

  package func ready(_ readiness: Readiness, key: UInt32) {
    for _ in 0..<Self.batch {
      let (connection, peer) = Sys.accept(fd)
      if connection >= 0 {
        accepted(connection, peer)
        continue
      }
      switch errno {
      case EAGAIN: return
      case EMFILE, ENFILE, ENOBUFS, ENOMEM:
        logFailure()
        lookAway()
        return
      // The connection failed before it was accepted (accept(2) lists these): the next may be well.
      default: continue
      }
    }
  }

  private func logFailure() {
    guard !hasComplained else { return }
    hasComplained = true
    logger.error("cannot accept connections, so they wait: \(SystemError("accept4"))")
  }

  private func lookAway() {
    // Removed, not modified: epoll cannot modify an exclusive entry.
    if let registration { loop.remove(registration, fd: fd) }
    registration = nil
    pauseTimer = loop.schedule(after: Self.pause, source: self)
  }
}

@available(*, unavailable)
extension Listener: Sendable {}

/// An open listening socket, not yet on a loop.
package struct ListeningSocket: Sendable {
  package let fd: Int32
  package let address: SocketAddress
  /// One socket for several loops (unix), rather than one each (TCP).
  let isShared: Bool
  /// Its file (unix), which outlives it.
  package let file: SocketFile?
}

extension ListeningSocket {
  /// Opens one listening socket for each of `count` loops.
  ///
  /// TCP sockets share the port by SO_REUSEPORT, after a probe without it: two nodes must never share a port by
  /// accident. With port 0 the kernel chooses one. A unix socket is one socket in several descriptors; a path that a
  /// dead process left behind is replaced, one that still answers is an error.
  package static func open(_ address: SocketAddress, count: Int) throws(SystemError) -> [ListeningSocket] {
    if case .unix(let path) = address { return try openUnix(address, path: path, count: count) }
    let probe = try bound(address, reusePort: false)
    let port = Sys.boundPort(probe) ?? 0
    Sys.close(probe)
    var sockets: [ListeningSocket] = []
    do {
      for _ in 0..<count {
        let fd = try bound(address.with(port: port), reusePort: true)
        sockets.append(ListeningSocket(fd: fd, address: address.with(port: port), isShared: false, file: nil))
        try Sys.listen(fd, backlog: Listener.backlog)
      }
    } catch {
      for socket in sockets { Sys.close(socket.fd) }
      throw error
    }
    return sockets
  }

  private static func bound(_ address: SocketAddress, reusePort: Bool) throws(SystemError) -> Int32 {
    let fd = try Sys.socket(family: address.family)
    do {
      try Sys.setOption(fd, level: SOL_SOCKET, SO_REUSEADDR, 1)
      if reusePort { try Sys.setOption(fd, level: SOL_SOCKET, SO_REUSEPORT, 1) }
      // Accepted connections inherit it, which saves a system call each.
      Sys.disableNagle(fd)
      try Sys.bind(fd, to: address)
      return fd
    } catch {
      Sys.close(fd)
      throw error
    }
  }

  private static func openUnix(
    _ address: SocketAddress, path: String, count: Int
  ) throws(SystemError) -> [ListeningSocket] {
    if isSocket(path), isAbandoned(address) { unlink(path) }
    let fd = try Sys.socket(family: AF_UNIX)
    var file: SocketFile?
    do {
      try Sys.bind(fd, to: address)
      file = SocketFile(at: path)
      try Sys.listen(fd, backlog: Listener.backlog)
    } catch {
      file?.remove()
      Sys.close(fd)
      throw error
    }
    // Each loop closes a descriptor of its own.
    return (0..<count).map { index in
      ListeningSocket(
        fd: index == 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0), address: address, isShared: true, file: file)
    }
  }

  /// A file of another kind is somebody's data: connecting to it is refused, too.
  private static func isSocket(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }

  /// Whether a socket is left at the path to which nobody listens any more.
  private static func isAbandoned(_ address: SocketAddress) -> Bool {
    do {
      Sys.close(try Sys.connect(to: address))
      return false
    } catch {
      return error.errno == ECONNREFUSED
    }
  }
}
