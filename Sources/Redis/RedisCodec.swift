import CHiredis

/// The RESP2 codec of one connection: encodes commands, decodes replies. It does no I/O.
///
/// Belongs to one thread. After a failure it takes nothing more, and `next` tells the failure again.
package final class RedisCodec {
  /// What became of a reply that may be there.
  package enum Next {
    /// Lent until the next call.
    case reply(RedisReplyView)
    /// None is complete.
    case none
    /// What came is no reply; one sentence says why.
    case failed(String)
  }

  private let codec: OpaquePointer

  /// The most bytes a reply may have where nobody wants fewer.
  package static let maxReply = 128 << 20

  /// Replies may have so many bytes, 128 MiB at most. Nil when there is no memory.
  package init?(maxReply: Int = RedisCodec.maxReply) {
    guard let codec = chiredis_open(max(0, maxReply)) else { return nil }
    self.codec = codec
  }

  deinit {
    chiredis_close(codec)
  }

  /// The bytes as C has them; hiredis copies from a pointer that is never null, even where there is nothing to copy.
  private static func characters(_ bytes: UnsafeRawBufferPointer) -> UnsafePointer<CChar> {
    let nothing: StaticString = ""
    return (bytes.baseAddress ?? UnsafeRawPointer(nothing.utf8Start)).assumingMemoryBound(to: CChar.self)
  }

  private static func append(
    _ starts: UnsafeMutableBufferPointer<UnsafePointer<CChar>>, _ lengths: UnsafeMutableBufferPointer<Int>,
    to codec: OpaquePointer
  ) -> Bool {
    guard let start = starts.baseAddress, let length = lengths.baseAddress else { return false }
    return chiredis_append(codec, Int32(clamping: starts.count), start, length)
  }
}

/// The buffers belong to one thread.
@available(*, unavailable)
extension RedisCodec: Sendable {}

// MARK: - Output

extension RedisCodec {
  /// Encodes a command into the output buffer; the caller looks after how much may pile up there.
  /// False, with nothing appended, when the codec has failed or the command has more than 512 MiB.
  package func append(_ command: RedisCommand) -> Bool {
    withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>.self, capacity: command.count) { starts in
      withUnsafeTemporaryAllocation(of: Int.self, capacity: command.count) { lengths in
        command.blob.withUnsafeBytes { blob in
          var start = 0
          for (index, end) in command.ends.enumerated() {
            let argument = UnsafeRawBufferPointer(rebasing: blob[start..<end])
            starts.initializeElement(at: index, to: Self.characters(argument))
            lengths.initializeElement(at: index, to: argument.count)
            start = end
          }
          return Self.append(starts, lengths, to: codec)
        }
      }
    }
  }

  /// Encodes a command of two arguments, such as `PUBLISH channel payload`, straight from their bytes.
  /// False as for any other command.
  package func append(
    _ name: StaticString, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
  ) -> Bool {
    name.withUTF8Buffer { name in
      withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>.self, capacity: 3) { starts in
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 3) { lengths in
          starts.initializeElement(at: 0, to: Self.characters(UnsafeRawBufferPointer(name)))
          starts.initializeElement(at: 1, to: Self.characters(first))
          starts.initializeElement(at: 2, to: Self.characters(second))
          lengths.initializeElement(at: 0, to: name.count)
          lengths.initializeElement(at: 1, to: first.count)
          lengths.initializeElement(at: 2, to: second.count)
          return Self.append(starts, lengths, to: codec)
        }
      }
    }
  }

  /// The bytes that wait to be written, as they go over the wire.
  package var pendingBytes: Int {
    var count = 0
    _ = chiredis_output(codec, &count)
    return count
  }

  /// What waits to be written, lent.
  package func withPending<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    var count = 0
    let bytes = chiredis_output(codec, &count)
    return body(UnsafeRawBufferPointer(start: bytes, count: count))
  }

  /// So many of the pending bytes were written.
  package func sent(_ count: Int) {
    chiredis_sent(codec, count)
  }
}

// MARK: - Input

extension RedisCodec {
  /// Takes what came, as a copy. Take all replies before more bytes; a failure is told by `next`.
  package func feed(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    _ = chiredis_feed(codec, base, bytes.count)
  }

  /// Decodes the next reply; what the one before it was made of is gone.
  package func next() -> Next {
    switch chiredis_next(codec) {
    case .CHIREDIS_NEXT_REPLY: .reply(RedisReplyView(replyOf: codec))
    case .CHIREDIS_NEXT_NONE: .none
    case .CHIREDIS_NEXT_FAILED: .failed(String(cString: chiredis_error(codec)))
    }
  }
}
