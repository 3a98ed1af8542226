import CHiredis

/// The RESP2 codec of one connection, which somebody else has opened: encodes and writes commands, reads and decodes
/// replies.
///
/// Belongs to one thread and never waits: the owner watches the descriptor, level-triggered, and calls `flush` and
/// `read`. After `closed` or `failed` only `close` is of use; everything else then answers with the same failure.
package final class RedisCodec {
  /// How far `flush` came.
  package enum FlushResult: Equatable, Sendable {
    /// Nothing is left to write.
    case done
    /// `pendingBytes` are left: call again when the descriptor is writable.
    case blocked
    /// The connection is dead; one sentence says why.
    case failed(String)
  }

  /// Why `read` ended.
  package enum ReadResult: Equatable, Sendable {
    /// There was nothing more for now: call again when the descriptor is readable.
    case drained
    /// The limit was reached: there may be more.
    case limit
    /// The peer closed the connection.
    case closed
    /// The connection is dead; one sentence says why.
    case failed(String)
  }

  private var link: OpaquePointer?
  private var isReading = false
  private var isClosing = false

  /// A codec of a connected, non-blocking stream socket, which it then owns and closes.
  /// Nil when there is no memory; the descriptor is the caller's still.
  package init?(fd: Int32) {
    guard let link = chiredis_open(fd) else { return nil }
    self.link = link
  }

  deinit {
    if let link { chiredis_close(link) }
  }

  /// Closes the descriptor and frees everything; what is pending is lost. Within `read`, it takes effect when the
  /// closure returns, which then gets no further reply.
  package func close() {
    isClosing = true
    guard !isReading, let link else { return }
    self.link = nil
    chiredis_close(link)
  }

  private static let closedHere = "The connection was closed by this side"

  /// The link while it may be used.
  private var openLink: OpaquePointer? { isClosing ? nil : link }

  private func failure(of link: OpaquePointer) -> String { String(cString: chiredis_error(link)) }

  /// The bytes as C has them; hiredis copies from a pointer that is never null, even where there is nothing to copy.
  private static func characters(_ bytes: UnsafeRawBufferPointer) -> UnsafePointer<CChar> {
    let nothing: StaticString = ""
    return (bytes.baseAddress ?? UnsafeRawPointer(nothing.utf8Start)).assumingMemoryBound(to: CChar.self)
  }

  private static func append(
    _ starts: UnsafeMutableBufferPointer<UnsafePointer<CChar>>, _ lengths: UnsafeMutableBufferPointer<Int>,
    to link: OpaquePointer
  ) -> Bool {
    guard let start = starts.baseAddress, let length = lengths.baseAddress else { return false }
    return chiredis_append(link, Int32(clamping: starts.count), start, length)
  }
}

/// The descriptor and hiredis' buffers belong to one thread.
@available(*, unavailable)
extension RedisCodec: Sendable {}

// MARK: - Output

extension RedisCodec {
  /// Encodes a command into the output buffer; the caller looks after how much may pile up there.
  /// False, with nothing appended, when the connection is dead or the command has more than 512 MiB.
  package func append(_ command: RedisCommand) -> Bool {
    guard let link = openLink else { return false }
    return withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>.self, capacity: command.count) { starts in
      withUnsafeTemporaryAllocation(of: Int.self, capacity: command.count) { lengths in
        command.blob.withUnsafeBytes { blob in
          var start = 0
          for (index, end) in command.ends.enumerated() {
            let argument = UnsafeRawBufferPointer(rebasing: blob[start..<end])
            starts.initializeElement(at: index, to: Self.characters(argument))
            lengths.initializeElement(at: index, to: argument.count)
            start = end
          }
          return Self.append(starts, lengths, to: link)
        }
      }
    }
  }

  /// Encodes a command of two arguments, such as `PUBLISH channel payload`, straight from their bytes.
  /// False as for any other command.
  package func append(
    _ name: StaticString, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> Bool {
    guard let link = openLink else { return false }
    return name.withUTF8Buffer { name in
      withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>.self, capacity: 3) { starts in
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 3) { lengths in
          starts.initializeElement(at: 0, to: Self.characters(UnsafeRawBufferPointer(name)))
          starts.initializeElement(at: 1, to: Self.characters(first))
          starts.initializeElement(at: 2, to: Self.characters(second))
          lengths.initializeElement(at: 0, to: name.count)
          lengths.initializeElement(at: 1, to: first.count)
          lengths.initializeElement(at: 2, to: second.count)
          return Self.append(starts, lengths, to: link)
        }
      }
    }
  }

  /// The bytes that wait to be written, as they go over the wire.
  package var pendingBytes: Int {
    guard let link = openLink else { return 0 }
    return chiredis_pending(link)
  }

  /// Writes until nothing is left or the socket takes no more. The process must ignore SIGPIPE.
  package func flush() -> FlushResult {
    guard let link = openLink else { return .failed(Self.closedHere) }
    while true {
      switch chiredis_write(link) {
      case .CHIREDIS_WRITE_DONE: return .done
      case .CHIREDIS_WRITE_PROGRESS: continue
      case .CHIREDIS_WRITE_BLOCKED: return .blocked
      case .CHIREDIS_WRITE_FAILED: return .failed(failure(of: link))
      }
    }
  }
}

// MARK: - Input

extension RedisCodec {
  /// Reads at most about `limit` bytes and gives every complete reply to `body`, in order.
  ///
  /// Replies before an error are given before it is reported. `body` may append, flush and close, but not read.
  package func read(limit: Int = 262_144, _ body: (RedisReplyView) -> Void) -> ReadResult {
    precondition(!isReading, "RedisCodec.read was called from its own closure")
    isReading = true
    defer {
      isReading = false
      if isClosing { close() }
    }
    var total = 0
    while total < limit {
      guard let link = openLink else { return .failed(Self.closedHere) }
      var count = 0
      switch chiredis_read(link, &count) {
      case .CHIREDIS_READ_DATA: break
      case .CHIREDIS_READ_BLOCKED: return .drained
      case .CHIREDIS_READ_END: return .closed
      case .CHIREDIS_READ_FAILED: return .failed(failure(of: link))
      }
      if let failure = drain(body) { return failure }
      // The socket had less than it was asked for, so another call would most likely find nothing.
      if count < CHIREDIS_READ_SIZE { return .drained }
      total += count
    }
    return .limit
  }

  /// Gives all complete replies to `body`; nil when that went well.
  private func drain(_ body: (RedisReplyView) -> Void) -> ReadResult? {
    while let link = openLink {
      switch chiredis_next(link) {
      case .CHIREDIS_NEXT_REPLY: body(RedisReplyView(replyOf: link))
      case .CHIREDIS_NEXT_NONE: return nil
      case .CHIREDIS_NEXT_FAILED: return .failed(failure(of: link))
      }
    }
    return .failed(Self.closedHere)
  }
}
