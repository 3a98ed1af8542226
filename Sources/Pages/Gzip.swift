import CZlib

/// The format of gzip (RFC 1952), made in one go.
enum Gzip {
  static func compress(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    let code = czlib_gzip_init(&stream, Z_BEST_COMPRESSION)
    precondition(code == Z_OK, "zlib: \(code)")
    defer { deflateEnd(&stream) }
    var input = bytes
    let bound = Int(deflateBound(&stream, UInt(input.count)))
    return [UInt8](unsafeUninitializedCapacity: bound) { output, count in
      input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(output.count)
        // The bound holds all of it: one call ends it.
        _ = deflate(&stream, Z_FINISH)
      }
      count = bound - Int(stream.avail_out)
    }
  }
}
