import FoundationEssentials
import Node

/// A file that is there while its holder is.
final class TemporaryFile {
  let path: String

  init(_ content: String) throws {
    path = "/tmp/apus-test-\(UInt64.random(in: .min ... .max))"
    try content.write(toFile: path, atomically: false, encoding: .utf8)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }
}

/// Settings of these flags, variables and file.
func settings(
  _ flags: [Setting: [String]] = [:], _ environment: [String: String] = [:], file: TemporaryFile? = nil
) throws(ConfigurationError) -> Settings {
  var flags = flags
  if let file { flags[.config] = [file.path] }
  return try Settings(commandLine: flags, environment: environment)
}
