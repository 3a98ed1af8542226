import CZlib

/// Inflates whole messages of permessage-deflate without context takeover: RFC 7692 section 7.2.2.
///
/// One serves all connections of a loop, because no message depends on another. It never holds more than the limit of
/// the message at hand, however small the message was that wants more.
package final class Inflater {
  package enum Outcome {
    /// The whole message, lent until the next call.
    case message(UnsafeRawBufferPointer)
    /// More than the limit would have come out.
    case tooBig
    /// What came is no deflate stream, or ends inside one.
    case corrupt
  }

  /// Memory that is kept between messages, in bytes.
  private static let kept = 1 << 16
  /// What senders leave out at the end of each message.
  private static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]

  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private var output = UnsafeMutableRawBufferPointer.allocate(byteCount: Inflater.kept, alignment: 16)
  private var count = 0

  package init() {
    stream.initialize(to: z_stream())
    let code = czlib_inflate_init(stream)
    precondition(code == Z_OK, "no memory for a decompressor")
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    output.deallocate()
  }

  /// Inflates a message of which at most `limit` bytes may come out.
  package func inflate(_ message: UnsafeRawBufferPointer, limit: Int) -> Outcome {
    count = 0
    if output.count > Self.kept { resize(to: Self.kept) }
    inflateReset(stream)
    for input in [message, Self.tail.withUnsafeBytes { UnsafeRawBufferPointer($0) }] {
      if let failure = feed(input, limit: limit) { return failure }
    }
    // The tail ends an empty block; a stream that was cut off would have taken it for something else.
    guard stream.pointee.data_type & 0x80 != 0 else { return .corrupt }
    return .message(UnsafeRawBufferPointer(rebasing: output[..<count]))
  }

  private func feed(_ input: UnsafeRawBufferPointer, limit: Int) -> Outcome? {
    guard let base = input.baseAddress else { return nil }
    stream.pointee.next_in = UnsafeMutablePointer(mutating: base.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(input.count)
    while true {
      if count == output.count {
        // One byte more than may come out, to see whether it does.
        guard count <= limit else { return .tooBig }
        resize(to: min(count * 2, limit + 1))
      }
      stream.pointee.next_out = output.baseAddress.map { ($0 + count).assumingMemoryBound(to: UInt8.self) }
      stream.pointee.avail_out = UInt32(output.count - count)
      let code = CZlib.inflate(stream, Z_SYNC_FLUSH)
      count = output.count - Int(stream.pointee.avail_out)
      guard count <= limit else { return .tooBig }
      switch code {
      case Z_STREAM_END:
        // A sender may end its stream inside a message (RFC 7692 section 7.2.3.4); what follows begins a new one.
        inflateReset(stream)
        if stream.pointee.avail_in == 0 { return nil }
      case Z_OK, Z_BUF_ERROR:
        if stream.pointee.avail_in == 0, stream.pointee.avail_out > 0 { return nil }
      default: return .corrupt
      }
    }
  }

  private func resize(to size: Int) {
    let resized = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    resized.copyMemory(from: UnsafeRawBufferPointer(rebasing: output[..<min(count, size)]))
    output.deallocate()
    output = resized
  }
}

@available(*, unavailable)
extension Inflater: Sendable {}
