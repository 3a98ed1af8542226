import Glibc
import Reactor

/// Standard input, read to its end.
enum StandardInput {
  /// Its text without the line end at its end; throws `tooLong` where it has more than `limit` bytes.
  static func text(limit: Int, _ tooLong: String) throws -> String {
    // Room for the line end.
    var bytes = try read(atMost: limit + 3)
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    guard bytes.count <= limit else { throw Failure(tooLong) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure("Standard input is not UTF-8 text.")
    }
    guard !text.isEmpty else { throw Failure("Standard input is empty.") }
    return text
  }

  private static func read(atMost limit: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65536)
    while bytes.count < limit {
      let count = Glibc.read(STDIN_FILENO, &piece, min(limit - bytes.count, piece.count))
      if count == 0 { break }
      if count > 0 {
        bytes += piece[..<count]
      } else if errno != EINTR {
        throw Failure("Standard input cannot be read: \(SystemError("read")).")
      }
    }
    return bytes
  }
}
