/// A value somebody gave for an option, and where.
package struct SettingValue: Equatable, Sendable {
  package let text: String
  package let origin: Origin

  /// Where a value comes from.
  package enum Origin: Equatable, Sendable {
    case commandLine
    case variable(String)
    /// The file that a variable with the end `_FILE` names.
    case secretFile(variable: String, path: String)
    case configurationFile(String, line: Int)

    /// Where, in words.
    package var place: String {
      switch self {
      case .commandLine: "command line"
      case .variable(let name): name
      case .secretFile(let variable, let path): "\(variable): \(path)"
      case .configurationFile(let file, let line): "\(file), line \(line)"
      }
    }
  }

  package init(_ text: String, from origin: Origin) {
    self.text = text
    self.origin = origin
  }

  /// The option as it was named there, for the begin of a sentence.
  package func subject(_ setting: Setting) -> String {
    switch origin {
    case .commandLine: setting.flag
    case .variable(let name): name
    case .secretFile(let variable, let path): "\(variable) (\(path))"
    case .configurationFile(let file, let line): "\(file), line \(line): `\(setting.name)`"
    }
  }

  /// What to say of a value that cannot be understood; a secret is not quoted.
  func refusal(_ setting: Setting) -> ConfigurationError {
    let quoted = setting.isSecret ? "" : ", not '\(text.prefix(80))'"
    let reason = setting.form.complaint(of: text).map { ": \($0)" } ?? ""
    return ConfigurationError("\(subject(setting)) takes \(setting.form.expected)\(quoted)\(reason).")
  }
}
