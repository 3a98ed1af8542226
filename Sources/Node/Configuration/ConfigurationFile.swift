import Model
import Yams

/// The file of `--config`, in YAML or JSON: what no single option can say.
package enum ConfigurationFile {
  package static func rules(path: String, isOpen: Bool, isDevelopment: Bool) throws(ConfigurationError) -> ChannelRules
  { ChannelRules.standard(isOpen: true) }
  private static let topKeys = ["channels"]
  private static let ruleKeys = ["match", "overflow"]

  /// Reads the rules for channels; throws a sentence with file, line and reason.
  package static func rules(in text: String, named file: String) throws(ConfigurationError) -> ChannelRules {
    let top = try fields(of: try root(of: text, file), allowed: topKeys, file)
    guard let channels = top["channels"] else { return ChannelRules.standard(isOpen: true) }
    guard let list = channels.sequence else { throw error(file, channels, "`channels` is a list of rules.") }
    var rules: [ChannelRule] = []
    for item in list { rules.append(try rule(item, file)) }
    return ChannelRules(rules)
  }

  private static func root(of text: String, _ file: String) throws(ConfigurationError) -> Yams.Node {
    do {
      return try Yams.compose(yaml: text) ?? Yams.Node([(Yams.Node, Yams.Node)]())
    } catch {
      throw ConfigurationError("\(file): \(error)")
    }
  }

  private static func rule(_ node: Yams.Node, _ file: String) throws(ConfigurationError) -> ChannelRule {
    let fields = try fields(of: node, allowed: ruleKeys, file)
    guard let match = fields["match"] else { throw error(file, node, "A rule says which channels it is for: `match`.") }
    guard let text = match.string, let pattern = ChannelPattern(text) else {
      throw error(file, match, "`match` is a pattern such as \"room:*\".")
    }
    var rule = ChannelRule.standard(pattern, isOpen: true)
    if let overflow = fields["overflow"] {
      guard let policy = overflow.string.flatMap(OverflowPolicy.init) else {
        throw error(file, overflow, "`overflow` is disconnect, drop or conflate.")
      }
      rule.overflow = policy
    }
    return rule
  }

  // MARK: -

  private static func fields(
    of node: Yams.Node, allowed: [String], _ file: String
  ) throws(ConfigurationError) -> [String: Yams.Node] {
    guard let mapping = node.mapping else {
      throw error(file, node, "Keys and values are expected here: \(allowed.joined(separator: ", ")).")
    }
    var fields: [String: Yams.Node] = [:]
    for (key, value) in mapping {
      let name = key.string ?? ""
      guard allowed.contains(name) else {
        throw error(file, key, "There is no key `\(name)` here; did you mean `\(nearest(to: name, allowed))`?")
      }
      guard fields.updateValue(value, forKey: name) == nil else { throw error(file, key, "`\(name)` is here twice.") }
    }
    return fields
  }

  private static func error(_ file: String, _ node: Yams.Node, _ message: String) -> ConfigurationError {
    let line = node.mark.map { ", line \($0.line)" } ?? ""
    return ConfigurationError("\(file)\(line): \(message)")
  }

  private static func nearest(to name: String, _ known: [String]) -> String {
    known.min { EditDistance.between(name, $0) < EditDistance.between(name, $1) } ?? ""
  }
}
