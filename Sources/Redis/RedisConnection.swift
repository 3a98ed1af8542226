import TLS

/// One connection to Redis: a stream that is connected, and the codec of what goes through.
///
/// Belongs to one thread and never waits: the owner watches the descriptor, level-triggered, and calls `flush` and
/// `read`. After `closed` or `failed` only `close` is of use; everything else then answers with a failure.
package final class RedisConnection {
  /// How far `flush` came.
  package enum FlushResult: Equatable, Sendable {
    /// Nothing is left to write.
    case done
    /// `pendingBytes` are left: call again when the descriptor is writable.
    case blocked
    /// The connection is dead.
    case failed(StreamFailure)
  }

  /// Why `read` ended.
  package enum ReadResult: Equatable, Sendable {
    /// There was nothing more for now: call again when the descriptor is ready for `stream.interest`.
    case drained
    /// The limit was reached: there may be more.
    case limit
    /// The peer closed the connection.
    case closed
    /// The connection is dead.
    case failed(StreamFailure)
  }

  private static let closedHere = StreamFailure(reason: "The connection was closed by this side")

  package let stream: ByteStream
  private let codec: RedisCodec
  private var isReading = false
  private var isClosed = false
  /// Why nothing more can be decoded.
  private var failure: StreamFailure?

  /// A connection of a stream whose handshake is done or still to be done, which it then owns; a reply that has more bytes
  /// than `maxReply` ends it. Nil when there is no memory; the stream is closed then.
  package init?(_ stream: ByteStream, maxReply: Int = RedisCodec.maxReply) {
    guard let codec = RedisCodec(maxReply: maxReply) else {
      stream.close()
      return nil
    }
    self.codec = codec
    self.stream = stream
  }

  /// Closes the descriptor; what is pending is lost. The closure of a `read` that is under way gets no further reply.
  package func close() {
    isClosed = true
    stream.close()
  }

  // MARK: Output

  /// Encodes a command into the output buffer; the caller looks after how much may pile up there.
  /// False, with nothing appended, when the connection is dead or the command has more than 512 MiB.
  package func append(_ command: RedisCommand) -> Bool {
    !isClosed && codec.append(command)
  }

  /// Encodes a command of two arguments, such as `PUBLISH channel payload`, straight from their bytes.
  /// False as for any other command.
  package func append(
    _ name: StaticString, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> Bool {
    !isClosed && codec.append(name, first, second)
  }

  /// The bytes that wait to be written, without what TLS puts around them.
  package var pendingBytes: Int { isClosed ? 0 : codec.pendingBytes }

  /// Writes until nothing is left or the socket takes no more.
  package func flush() -> FlushResult {
    if isClosed { return .failed(Self.closedHere) }
    if let failure { return .failed(failure) }
    while codec.pendingBytes > 0 {
      switch codec.withPending({ stream.send($0) }) {
      case .moved(let count): codec.sent(count)
      case .wouldBlock, .ended: return .blocked
      case .failed(let failure): return .failed(failure)
      }
    }
    return .done
  }

  // MARK: Input

  /// Reads at most about `limit` bytes, by way of `room`, and gives every complete reply to `body`, in order.
  ///
  /// Replies before an error are given before it is reported. `body` may append, flush and close, but not read; it may use
  /// the room, which must have `ByteStream.leastRoom` bytes.
  package func read(
    limit: Int = 262_144, by room: UnsafeMutableRawBufferPointer, _ body: (RedisReplyView) -> Void
  ) -> ReadResult {
    precondition(!isReading, "RedisConnection.read was called from its own closure")
    isReading = true
    defer { isReading = false }
    if let failure { return .failed(failure) }
    var total = 0
    while total < limit {
      if isClosed { return .failed(Self.closedHere) }
      switch stream.receive(into: room) {
      case .moved(let count):
        codec.feed(UnsafeRawBufferPointer(rebasing: room[..<count]))
        if let failure = drain(body) { return .failed(failure) }
        if stream.isDrained(after: count, of: room.count) { return .drained }
        total += count
      case .wouldBlock: return .drained
      case .ended: return .closed
      case .failed(let failure): return .failed(failure)
      }
    }
    return .limit
  }

  /// Gives all complete replies to `body`; nil when that went well.
  private func drain(_ body: (RedisReplyView) -> Void) -> StreamFailure? {
    while !isClosed {
      switch codec.next() {
      case .reply(let reply): body(reply)
      case .none: return nil
      case .failed(let reason):
        failure = StreamFailure(reason: reason)
        return failure
      }
    }
    return Self.closedHere
  }
}

@available(*, unavailable)
extension RedisConnection: Sendable {}
