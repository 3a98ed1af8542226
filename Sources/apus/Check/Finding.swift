/// One thing that was looked at, and what came of it.
struct Finding: Equatable, Sendable {
  enum Level: String, Sendable {
    case ok, warning, error
  }

  let level: Level
  /// What is, and what to do about it where that is not as it should be; never a secret. Its line feeds are our own.
  let text: String

  static func ok(_ text: String) -> Finding { Finding(level: .ok, text: text) }
  static func warning(_ text: String) -> Finding { Finding(level: .warning, text: text) }
  static func error(_ text: String) -> Finding { Finding(level: .error, text: text) }
}

/// Prints findings in groups and remembers the worst.
struct FindingPrinter {
  private(set) var hasErrors = false
  private(set) var hasWarnings = false

  mutating func print(_ title: String, _ findings: [Finding]) {
    guard !findings.isEmpty else { return }
    printLine(title)
    for finding in findings {
      let level = finding.level.rawValue
      let lines = finding.text.split(separator: "\n", omittingEmptySubsequences: false)
      printLine("  \(level)\(String(repeating: " ", count: 9 - level.count))\(lines.first ?? "")")
      // The lines of a longer text stand under its first.
      for line in lines.dropFirst() { printLine(String(repeating: " ", count: 11) + line) }
      hasErrors = hasErrors || finding.level == .error
      hasWarnings = hasWarnings || finding.level == .warning
    }
  }
}
