import Glibc
import Testing

/// A new folder under the system's own for temporary files, removed with its owner when it is empty.
final class TemporaryFolder {
  let path: String
  private var files: Set<String> = []

  init() throws {
    var template = Array("/tmp/apus-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for file in files { unlink(file) }
    rmdir(path)
  }

  /// The path of a file in the folder, which is removed with it.
  func file(_ name: String) -> String {
    files.insert("\(path)/\(name)")
    return "\(path)/\(name)"
  }
}
