import CZlib

/// The format of gzip (RFC 1952), made in one go.
enum Gzip {
  static func compress(_ bytes: [UInt8]) -> [UInt8] {
    // No name, no time, best compression, Unix (section 2.3.1).
    let header: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3]
    let checksum = UInt32(truncatingIfNeeded: crc32(0, bytes, UInt32(bytes.count)))
    return header + deflate(bytes) + littleEndian(checksum) + littleEndian(UInt32(truncatingIfNeeded: bytes.count))
  }

  private static func deflate(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    let code = czlib_deflate_init(&stream, Z_BEST_COMPRESSION, 15)
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
        _ = CZlib.deflate(&stream, Z_FINISH)
      }
      count = bound - Int(stream.avail_out)
    }
  }

  private static func littleEndian(_ number: UInt32) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian, Array.init)
  }
}
