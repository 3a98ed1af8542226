import Model
import Redis

/// What was said for the options of a node: on the command line, in the environment, in the configuration file.
///
/// The first of these that says anything for an option counts alone, in that order; then its default.
package struct Settings: Sendable {
  private let commandLine: [Setting: [String]]
  private let environment: [String: String]
  /// The file of `--config`, read when this was made.
  package let file: ConfigurationFile?
  package let filePath: String?

  /// The longest file with a secret, in bytes.
  private static let secretLimit = 65536

  /// `commandLine` holds what flags say, with "true" for a switch that is there.
  package init(
    commandLine: [Setting: [String]], environment: [String: String]
  ) throws(ConfigurationError) {
    self.commandLine = commandLine
    self.environment = environment
    filePath = try Self.given(.config, commandLine, environment).last?.text
    file = try filePath.map { path throws(ConfigurationError) in try ConfigurationFile(path: path) }
  }

  /// The same flags and variables with the files they name as they are now.
  func readAgain() throws(ConfigurationError) -> Settings {
    try Settings(commandLine: commandLine, environment: environment)
  }

  /// What counts for the option; nothing when only its default does. More than one for a repeatable option alone.
  package func given(_ setting: Setting) throws(ConfigurationError) -> [SettingValue] {
    let given = try Self.given(setting, commandLine, environment)
    return given.isEmpty ? file?.settings[setting] ?? [] : given
  }

  private static func given(
    _ setting: Setting, _ commandLine: [Setting: [String]], _ environment: [String: String]
  ) throws(ConfigurationError) -> [SettingValue] {
    if let texts = commandLine[setting], !texts.isEmpty { return texts.map { SettingValue($0, from: .commandLine) } }
    // A variable that is empty counts as not set: compose files pass such on.
    let direct = environment[setting.variable].flatMap { $0.isEmpty ? nil : $0 }
    if let variable = setting.fileVariable, let path = environment[variable], !path.isEmpty {
      guard direct == nil else {
        throw ConfigurationError("Both \(setting.variable) and \(variable) are set: unset one of them.")
      }
      return try secrets(setting, variable, path)
    }
    guard let direct else { return [] }
    let origin = SettingValue.Origin.variable(setting.variable)
    guard setting.isRepeatable else { return [SettingValue(direct, from: origin)] }
    let pieces = setting == .redis ? RedisTarget.list(direct) : direct.split(separator: ",").map(String.init)
    return pieces.map { SettingValue(trimmed($0[...]), from: origin) }
  }

  /// The content of the file without the newline at its end; one value a line for a repeatable option.
  private static func secrets(
    _ setting: Setting, _ variable: String, _ path: String
  ) throws(ConfigurationError) -> [SettingValue] {
    let text: String
    do {
      text = try TextFile.read(path, limit: secretLimit)
    } catch {
      throw ConfigurationError("\(variable): \(path) \(error).")
    }
    let content = text.last?.isNewline ?? false ? text.dropLast() : text[...]
    let values = setting.isRepeatable ? content.split(whereSeparator: \.isNewline).map(trimmed) : [String(content)]
    guard values.contains(where: { !$0.isEmpty }) else { throw ConfigurationError("\(variable): \(path) is empty.") }
    return values.filter { !$0.isEmpty }.map { SettingValue($0, from: .secretFile(variable: variable, path: path)) }
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text
    while text.first?.isWhitespace ?? false { text.removeFirst() }
    while text.last?.isWhitespace ?? false { text.removeLast() }
    return String(text)
  }

  /// A sentence for each variable that looks like a misspelt option, and for what never counts in the file.
  package var warnings: [String] { misspelt + (file?.warnings ?? []) }

  private var misspelt: [String] {
    let known = Setting.allCases.flatMap { [$0.variable] + ($0.fileVariable.map { [$0] } ?? []) }
    return environment.keys.sorted().compactMap { name in
      guard name.hasPrefix("APUS_"), !known.contains(name) else { return nil }
      let nearest = EditDistance.nearest(to: name, in: known)
      guard EditDistance.between(name, nearest) <= 2 else { return nil }
      return "The variable \(name) is not an option; did you mean \(nearest)?"
    }
  }
}
