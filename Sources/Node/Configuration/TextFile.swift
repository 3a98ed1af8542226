import Glibc

/// A small file of text, read whole.
enum TextFile {
  /// Throws the reason, to go on from the file's name: "cannot be read: No such file or directory".
  static func read(_ path: String, limit: Int) throws(ConfigurationError) -> String {
    guard let file = fopen(path, "r") else { throw unreadable() }
    defer { fclose(file) }
    // One byte more than allowed, so that a longer file shows; never the whole of an endless one.
    let bytes = [UInt8](unsafeUninitializedCapacity: limit + 1) { buffer, count in
      count = fread(buffer.baseAddress, 1, buffer.count, file)
    }
    guard ferror(file) == 0 else { throw unreadable() }
    guard bytes.count <= limit else { throw ConfigurationError("is larger than \(limit / 1024) KiB") }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw ConfigurationError("is not UTF-8 text") }
    return text
  }

  private static func unreadable() -> ConfigurationError {
    ConfigurationError("cannot be read: \(String(cString: strerror(errno)))")
  }
}
