import CTLS
import Glibc
import Reactor

/// A connected, non-blocking stream socket, which it owns: plain, or through TLS 1.2 or newer.
///
/// Belongs to one thread and never waits: the owner watches the descriptor, level-triggered. What `receive` has not
/// returned waits in the socket, so the owner may also stop to watch it.
package final class ByteStream {
  /// How far a handshake came.
  package enum Progress: Equatable {
    case done
    /// Call again when the descriptor is ready for that.
    case waiting(Readiness)
    case failed(StreamFailure)
  }

  /// What a read or a write came to.
  package enum Transfer: Equatable {
    /// That many bytes were moved, at least one.
    case moved(Int)
    /// Nothing could be moved now: `interest` and, for writing, `.writable` are what to wait for.
    case wouldBlock
    /// The peer has sent all it will (reads only).
    case ended
    case failed(StreamFailure)
  }

  /// The least room that a read must have: what a record of TLS has at most (RFC 8446 section 5.1).
  package static let leastRoom = 16 << 10

  package let fd: Int32
  private var tls: OpaquePointer?
  private var isOpen = true
  /// What reading waits for; TLS may have to answer before it can go on.
  package private(set) var interest = Readiness.readable

  /// A plain stream over a connected socket.
  package init(fd: Int32) {
    self.fd = fd
  }

  /// A TLS stream over a connected socket, for the client's side; `name` is the host name or the numeric address that the
  /// peer's certificate must be for. Nil when there is no memory; the descriptor is the caller's still.
  package init?(fd: Int32, in context: TLSContext, to name: String) {
    // A zone such as `%eth0` says where an address is reached, and stands in no certificate; nor does the dot at the end of
    // a whole name.
    let address = String(name.prefix { $0 != "%" })
    let isAddress = SocketAddress(numericHost: address, port: 0) != nil
    let whole = isAddress ? address : name.hasSuffix(".") ? String(name.dropLast()) : name
    // Another thread may read the files again meanwhile.
    let files = context.current
    let tls = withExtendedLifetime(files) { ctls_open(files.context, fd, whole, isAddress) }
    guard let tls else { return nil }
    self.fd = fd
    self.tls = tls
  }

  deinit {
    close()
  }

  /// Ends the stream and closes the descriptor.
  package func close() {
    guard isOpen else { return }
    isOpen = false
    if let tls { ctls_close(tls) }
    tls = nil
    Sys.close(fd)
  }

  /// Goes on with the handshake; a plain stream has none. Before it is done nothing can be received or sent.
  package func handshake() -> Progress {
    guard let tls else { return .done }
    return switch ctls_handshake(tls) {
    case .CTLS_DONE: .done
    case .CTLS_WANTS_READ: .waiting(.readable)
    case .CTLS_WANTS_WRITE: .waiting(.writable)
    case .CTLS_ENDED, .CTLS_FAILED: .failed(failure(of: tls))
    }
  }

  /// Reads into `buffer`, which has room for `leastRoom` bytes.
  package func receive(into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    guard isOpen else { return .ended }
    guard let tls else { return Self.transfer(Sys.receive(fd, into: buffer)) }
    guard let base = buffer.baseAddress else { return .wouldBlock }
    var count = 0
    let result = ctls_read(tls, base, buffer.count, &count)
    interest = result == .CTLS_WANTS_WRITE ? .writable : .readable
    return transfer(result, count, tls)
  }

  /// Writes from the beginning of `bytes`. After `wouldBlock` the next call must begin with the same bytes.
  package func send(_ bytes: UnsafeRawBufferPointer) -> Transfer {
    guard isOpen else { return .failed(StreamFailure(reason: "The connection was closed by this side")) }
    guard let tls else { return Self.transfer(Sys.send(fd, bytes)) }
    guard let base = bytes.baseAddress else { return .wouldBlock }
    var count = 0
    return transfer(ctls_write(tls, base, bytes.count, &count), count, tls)
  }

  /// Whether a read of so many bytes has most likely left nothing, so that another one would find nothing. Through TLS it
  /// says nothing, because a read ends with a record.
  package func isDrained(after count: Int, of room: Int) -> Bool {
    tls == nil && count < room
  }

  private static func transfer(_ result: TransferResult) -> Transfer {
    switch result {
    case .moved(let count): .moved(count)
    case .wouldBlock: .wouldBlock
    case .ended: .ended
    case .failed(let errno): .failed(StreamFailure(reason: String(cString: strerror(errno))))
    }
  }

  private func transfer(_ result: ctls_result, _ count: Int, _ tls: OpaquePointer) -> Transfer {
    switch result {
    case .CTLS_DONE: .moved(count)
    case .CTLS_WANTS_READ, .CTLS_WANTS_WRITE: .wouldBlock
    case .CTLS_ENDED: .ended
    case .CTLS_FAILED: .failed(failure(of: tls))
    }
  }

  private func failure(of tls: OpaquePointer) -> StreamFailure {
    StreamFailure(reason: String(cString: ctls_error(tls)), problem: StreamFailure.Problem(ctls_problem_of(tls)))
  }

  // MARK: What is known of the peer

  /// What a handshake has agreed on.
  package struct Security: Equatable, Sendable {
    /// `TLSv1.3`.
    package let version: String
    /// When the peer's certificate ends, in seconds since 1970.
    package let certificateEnd: Int64
  }

  /// Nil for a plain stream; known after the handshake.
  package var security: Security? {
    tls.map { Security(version: String(cString: ctls_version($0)), certificateEnd: ctls_certificate_end($0)) }
  }
}

@available(*, unavailable)
extension ByteStream: Sendable {}
