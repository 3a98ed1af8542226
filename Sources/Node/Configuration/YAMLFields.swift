import Model
import Yams

/// Reads what a YAML document says, strictly: every error names the file, the line and the reason, and quotes nothing
/// that may be a secret.
///
/// Scalars are taken as their text, whatever type YAML would see in them: `no`, `08` and `1e3` stay as they are written.
struct YAMLFields {
  let file: String
  private let values: [String: Yams.Node]
  private let line: Int

  /// The fields of the whole document; an empty one has none. `known` are the keys there may be.
  init(of text: String, named file: String, known: [String]) throws(ConfigurationError) {
    guard !YAMLAliases.abound(in: text) else {
      throw ConfigurationError("\(file): aliases (*name) are not supported; put a value that begins with * in quotes.")
    }
    let root: Yams.Node?
    do {
      let parser = try Parser(yaml: text)
      root = try parser.singleRoot()
      // Nodes refer to their anchors weakly: these live as long as the parser.
      let anchored = withExtendedLifetime(parser) { root.flatMap(YAMLAliases.firstAnchored) }
      if let anchored {
        throw Self.error(file, anchored, "anchors (&name) and aliases (*name) are not supported; quote such text.")
      }
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw ConfigurationError("\(file)\(YAMLFields.reason(error, in: text))")
    }
    try self.init(of: root ?? Yams.Node([(Yams.Node, Yams.Node)]()), in: file, known: known)
  }

  private init(of node: Yams.Node, in file: String, known: [String]) throws(ConfigurationError) {
    self.file = file
    line = node.mark?.line ?? 1
    guard case .mapping(let mapping) = node else {
      throw Self.error(
        file, node, "keys and values are expected here, such as \(known.suffix(8).joined(separator: ", ")).")
    }
    var values: [String: Yams.Node] = [:]
    for (key, value) in mapping {
      guard case .scalar(let scalar) = key else { throw Self.error(file, key, "a key must be a single word.") }
      guard known.contains(scalar.string) else {
        throw Self.error(file, key, Self.unknown(scalar.string, known))
      }
      values[scalar.string] = value
    }
    self.values = values
  }

  // MARK: Values

  /// The text of a single value, and its line; nil when the key is absent.
  func text(_ key: String) throws(ConfigurationError) -> (text: String, line: Int)? {
    guard let node = values[key] else { return nil }
    return try scalar(node, key)
  }

  /// The texts of a single value or of a list of them.
  func texts(_ key: String) throws(ConfigurationError) -> [(text: String, line: Int)]? {
    guard let node = values[key] else { return nil }
    guard case .sequence(let list) = node else { return [try scalar(node, key)] }
    var texts: [(text: String, line: Int)] = []
    for item in list {
      texts.append(try scalar(item, key))
    }
    return texts
  }

  /// `true` or `false`, and nothing else that YAML has taken for one.
  func toggle(_ key: String) throws(ConfigurationError) -> Bool? {
    guard let value = try text(key) else { return nil }
    switch value.text {
    case "true": return true
    case "false": return false
    default: throw error("`\(key)` takes true or false.", line: value.line)
    }
  }

  /// One of the names of `Choice`.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, _: Choice.Type
  ) throws(ConfigurationError) -> Choice? where Choice.RawValue == String {
    guard let value = try text(key) else { return nil }
    if let choice = Choice(rawValue: value.text) { return choice }
    let names = SettingForm.choice(Choice.allCases.map(\.rawValue)).expected
    throw error("`\(key)` takes \(names), not '\(value.text.prefix(40))'.", line: value.line)
  }

  /// The fields of a mapping.
  func fields(_ key: String, known: [String]) throws(ConfigurationError) -> YAMLFields? {
    guard let node = values[key] else { return nil }
    return try YAMLFields(of: node, in: file, known: known)
  }

  /// The fields of each mapping in a list.
  func list(_ key: String, known: [String]) throws(ConfigurationError) -> [YAMLFields]? {
    guard let node = values[key] else { return nil }
    guard case .sequence(let list) = node else { throw Self.error(file, node, "`\(key)` takes a list.") }
    var items: [YAMLFields] = []
    for item in list { items.append(try YAMLFields(of: item, in: file, known: known)) }
    return items
  }

  private func scalar(_ node: Yams.Node, _ key: String) throws(ConfigurationError) -> (text: String, line: Int) {
    guard case .scalar(let scalar) = node else { throw Self.error(file, node, "`\(key)` takes a single value.") }
    let isPlain = scalar.style == .plain || scalar.style == .any
    guard !isPlain || !["", "~", "null"].contains(scalar.string) else {
      throw Self.error(file, node, "`\(key)` has no value.")
    }
    return (scalar.string, node.mark?.line ?? line)
  }

  // MARK: Errors

  /// An error in this mapping, at its beginning or at a line of it.
  func error(_ message: String, line: Int? = nil) -> ConfigurationError {
    ConfigurationError("\(file), line \(line ?? self.line): \(message)")
  }

  private static func error(_ file: String, _ node: Yams.Node, _ message: String) -> ConfigurationError {
    ConfigurationError("\(file), line \(node.mark?.line ?? 1): \(message)")
  }

  /// Quotes the key only where it looks like a known one: a secret may have slipped into its place.
  private static func unknown(_ key: String, _ known: [String]) -> String {
    let nearest = EditDistance.nearest(to: key, in: known)
    let isMisspelt = EditDistance.between(String(key.prefix(100)), nearest) * 2 <= key.count
    return "there is no key \(isMisspelt ? "`\(key.prefix(40))`" : "with this name") here; did you mean `\(nearest)`?"
  }

  /// Line and problem of what is no YAML. Yams' own description quotes the line, and a secret may stand there.
  private static func reason(_ error: any Error, in text: String) -> String {
    guard let error = error as? YamlError else { return ": not valid YAML." }
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let isAlias = context?.text.contains("alias") ?? false || problem.contains("alias")
      return ", line \(mark.line): \(problem)" + (isAlias ? "; put a value that begins with * in quotes." : ".")
    case .duplicatedKeysInMapping(let keys, let context):
      let first = context.mark
      guard let second = keys.first.flatMap({ YAMLDuplicates.second($0, after: first, in: text) }) else {
        return ", line \(first.line): this key is here twice."
      }
      return ", line \(second): this key is here twice, first in line \(first.line)."
    case .reader(let problem, _, _, _): return ": \(problem)."
    case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded: return ": not valid YAML."
    }
  }
}
