import CZlib

/// Compresses whole messages for permessage-deflate without context takeover: RFC 7692 section 7.2.1.
///
/// Since no message depends on another, one compressed frame serves every connection with the same window.
package final class Deflater {
  private static let tailCount = 4

  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private var output: [UInt8] = []

  /// `windowBits` from 9 to 15: what the client is able to look back, as a power of two.
  package init(windowBits: Int) {
    stream.initialize(to: z_stream())
    let code = czlib_deflate_init(stream, Z_DEFAULT_COMPRESSION, Int32(windowBits))
    precondition(code == Z_OK, "no memory for a compressor")
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  /// The compressed message without its `00 00 ff ff`, lent to `body`.
  package func deflate<Result>(
    _ message: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    deflateReset(stream)
    // What a stream needs at most, and the flush behind it.
    let bound = Int(deflateBound(stream, UInt(message.count))) + 16
    if output.count < bound { output = [UInt8](repeating: 0, count: bound) }
    defer { if output.count > 1 << 20 { output = [] } }
    return output.withUnsafeMutableBytes { output in
      stream.pointee.next_in = message.baseAddress.map {
        UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: UInt8.self))
      }
      stream.pointee.avail_in = UInt32(message.count)
      stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_out = UInt32(output.count)
      CZlib.deflate(stream, Z_SYNC_FLUSH)
      let count = output.count - Int(stream.pointee.avail_out) - Self.tailCount
      return body(UnsafeRawBufferPointer(rebasing: output[..<max(count, 0)]))
    }
  }
}

@available(*, unavailable)
extension Deflater: Sendable {}
