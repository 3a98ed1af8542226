import CReactor
import Glibc
import Model

/// A system call that failed: its name and `errno`.
package struct SystemError: Error, Equatable, CustomStringConvertible {
  package let call: String
  package let errno: Int32

  package init(_ call: String, errno: Int32 = Glibc.errno) {
    self.call = call
    self.errno = errno
  }

  package var description: String { "\(call): \(String(cString: strerror(errno)))" }
}

/// What a non-blocking read or write came to.
package enum TransferResult: Equatable {
  /// That many bytes were moved, at least one.
  case moved(Int)
  /// Nothing could be moved now; epoll says when to try again.
  case wouldBlock
  /// The peer has sent everything it will send (reads only).
  case ended
  case failed(errno: Int32)
}

/// The system calls of this module, all in one file, each retried when a signal interrupts it.
package enum Sys {
  package static func receive(_ fd: Int32, into buffer: UnsafeMutableRawBufferPointer, peek: Bool = false)
    -> TransferResult
  {
    transfer { recv(fd, buffer.baseAddress, buffer.count, peek ? Int32(MSG_PEEK) : 0) }
  }

  /// Whether bytes have come that were not read.
  package static func hasInput(_ fd: Int32) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { buffer in
      if case .moved = receive(fd, into: buffer, peek: true) { true } else { false }
    }
  }

  package static func send(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) -> TransferResult {
    let result = transfer { Glibc.send(fd, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
    // Zero bytes taken by the kernel is no end of stream, but "not now".
    return result == .ended ? .wouldBlock : result
  }

  /// One of the pieces that `send` takes; the memory must outlive that call.
  package static func piece(_ base: UnsafeMutableRawPointer?, count: Int) -> iovec {
    iovec(iov_base: base, iov_len: count)
  }

  /// Sends several pieces by one call.
  package static func send(_ fd: Int32, _ pieces: UnsafeMutableBufferPointer<iovec>) -> TransferResult {
    var message = msghdr()
    message.msg_iov = pieces.baseAddress
    message.msg_iovlen = pieces.count
    let result = transfer { sendmsg(fd, &message, Int32(MSG_NOSIGNAL)) }
    return result == .ended ? .wouldBlock : result
  }

  private static func transfer(_ call: () -> Int) -> TransferResult {
    while true {
      let count = call()
      if count > 0 { return .moved(count) }
      if count == 0 { return .ended }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      default: return .failed(errno: errno)
      }
    }
  }

  package static func close(_ fd: Int32) {
    _ = Glibc.close(fd)
  }

  /// Another descriptor of the same socket, which closes on exec; nil where there is none to be had.
  package static func duplicate(_ fd: Int32) -> Int32? {
    let copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)
    return copy >= 0 ? copy : nil
  }

  /// Has the kernel give a connection up whose peer has not confirmed anything for so long; in milliseconds.
  package static func limitSilence(_ fd: Int32, milliseconds: Int32) {
    try? setOption(fd, level: Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, milliseconds)
  }

  /// Ends our side of the stream, so that the peer reads everything sent and then the end.
  package static func shutdownWriting(_ fd: Int32) {
    _ = shutdown(fd, Int32(SHUT_WR))
  }

  /// The pending error of a socket, 0 for none: what a non-blocking `connect` came to.
  package static func socketError(_ fd: Int32) -> Int32 {
    var value: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size) == 0 ? value : errno
  }

  static func setOption(_ fd: Int32, level: Int32, _ option: Int32, _ value: Int32) throws(SystemError) {
    guard creactor_set_option(fd, level, option, value) == 0 else { throw SystemError("setsockopt") }
  }

  /// Sends small segments at once instead of waiting for an acknowledgement (Nagle).
  package static func disableNagle(_ fd: Int32) {
    _ = creactor_set_option(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
  }

  static func socket(family: Int32) throws(SystemError) -> Int32 {
    let fd = creactor_socket(family)
    guard fd >= 0 else { throw SystemError("socket") }
    return fd
  }

  /// Begins a connection; epoll reports when it is made or has failed. `source` is the local address, whose port 0
  /// leaves the choice to the kernel.
  package static func connect(to address: SocketAddress, from source: SocketAddress? = nil) throws(SystemError) -> Int32
  {
    let fd = try socket(family: address.family)
    if let source {
      do {
        // The port is chosen with the destination known, so that one port serves several of them.
        try setOption(fd, level: Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
        try bind(fd, to: source)
      } catch {
        close(fd)
        throw error
      }
    }
    let status = address.withSockaddr { Glibc.connect(fd, $0, $1) }
    if status == 0 || errno == EINPROGRESS { return fd }
    let error = SystemError("connect")
    close(fd)
    throw error
  }

  static func bind(_ fd: Int32, to address: SocketAddress) throws(SystemError) {
    guard address.withSockaddr({ Glibc.bind(fd, $0, $1) }) == 0 else { throw SystemError("bind") }
  }

  static func listen(_ fd: Int32, backlog: Int32) throws(SystemError) {
    guard Glibc.listen(fd, backlog) == 0 else { throw SystemError("listen") }
  }

  /// The port a socket is bound to.
  static func boundPort(_ fd: Int32) -> UInt16? {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutableBytes(of: &storage) { bytes -> UInt16? in
      guard let base = bytes.baseAddress else { return nil }
      guard getsockname(fd, base.assumingMemoryBound(to: sockaddr.self), &size) == 0 else { return nil }
      // The port lies at the same place, in network order, in sockaddr_in and sockaddr_in6.
      return UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    }
  }

  /// Accepts a connection, non-blocking and closed on exec; -1, with `errno` set, when there is none. The peer's address is
  /// nil for a unix socket alone.
  static func accept(_ listener: Int32) -> (fd: Int32, peer: IPAddress?) {
    var storage = sockaddr_storage()
    var size = UInt32(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutableBytes(of: &storage) { bytes in
      let fd = creactor_accept(listener, bytes.baseAddress, &size)
      guard fd >= 0 else { return (fd, nil) }
      return (fd, IPAddress(sockaddr: UnsafeRawBufferPointer(rebasing: bytes.prefix(Int(size)))))
    }
  }

  /// Raises the soft limit of open files to the hard one and returns what it is then.
  @discardableResult
  package static func raiseDescriptorLimit() -> Int {
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return 0 }
    var raised = limit
    raised.rlim_cur = limit.rlim_max
    if setrlimit(resource, &raised) == 0 { limit = raised }
    return Int(clamping: limit.rlim_cur)
  }

  /// The descriptors that are open among the first 65,536.
  package static func openDescriptors() -> Int {
    (0..<Int32(65_536)).count { fcntl($0, F_GETFD) >= 0 }
  }

  /// Has the kernel make the process' table of descriptors as large as it may be needed, up to 65,536.
  ///
  /// Else it doubles while connections come, and each time waits until every processor has seen the old one for the
  /// last time: 5 to 25 ms were measured in which the accepting loop stood still, at 64, 256, 1024 and so on.
  package static func reserveDescriptors(_ count: Int) {
    let any = open("/dev/null", O_RDONLY | O_CLOEXEC)
    guard any >= 0 else { return }
    let highest = fcntl(any, F_DUPFD_CLOEXEC, Int32(clamping: min(count, 65_536) - 1))
    if highest >= 0 { close(highest) }
    close(any)
  }

  /// The number of processors this process may run on.
  package static func usableProcessors() -> Int { max(1, Int(creactor_usable_processors())) }

  /// A write to a connection that the peer has reset must be an error, not the end of the process.
  package static func ignoreSIGPIPE() {
    creactor_ignore_sigpipe()
  }

  /// Microseconds since some moment in the past; never goes back.
  package static func monotonicMicroseconds() -> Int64 { creactor_monotonic_microseconds() }
  /// The same clock in nanoseconds.
  package static func monotonicNanoseconds() -> UInt64 { UInt64(bitPattern: creactor_monotonic_nanoseconds()) }
  /// Milliseconds since 1970.
  package static func wallMilliseconds() -> Int64 { creactor_wall_milliseconds() }
}
