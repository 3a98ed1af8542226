import Model

/// The file of `--config`, in YAML or JSON: options by their names, `direct`, and `channels`, the rules for channels.
///
/// It is taken whole or refused with a sentence that names the file, the line and the reason, and quotes no secret.
package struct ConfigurationFile: Sendable {
  /// The options it sets.
  let settings: [Setting: [SettingValue]]
  private let direct: DirectLevel?
  private let drafts: [ChannelRuleDraft]?
  private let name: String

  /// The longest file, in bytes.
  private static let limit = 1 << 20
  /// A file does not name itself.
  private static let options = Setting.allCases.filter { $0 != .config }
  private static let keys = options.map(\.name) + ["direct", "channels"]

  /// A file that says nothing.
  init() {
    settings = [:]
    direct = nil
    drafts = nil
    name = ""
  }

  package init(path: String) throws(ConfigurationError) {
    let text: String
    do {
      text = try TextFile.read(path, limit: Self.limit)
    } catch {
      throw ConfigurationError("The configuration file \(path) \(error).")
    }
    try self.init(text: text, named: path)
  }

  package init(text: String, named file: String) throws(ConfigurationError) {
    let fields = try YAMLFields(of: text, named: file, known: Self.keys)
    settings = try Self.settings(fields)
    direct = try fields.choice("direct", DirectLevel.self)
    drafts = try Self.drafts(fields)
    name = file
  }

  /// Whether it has rules of its own.
  var hasRules: Bool { drafts != nil }

  /// The rules on a node where everybody may do everything by default (`isOpen`), or only who is known.
  package func rules(isOpen: Bool, isDevelopment: Bool) -> ChannelRules {
    var rules = drafts.map { $0.map { $0.rule(isOpen: isOpen) } } ?? ChannelRules.standard(isOpen: isOpen).rules
    if isDevelopment, !rules.contains(where: { $0.match.text == Self.demo }) {
      for rule in Self.demoRules.reversed() { Self.insert(rule, into: &rules) }
    }
    return ChannelRules(rules, direct: direct ?? (isDevelopment ? .anyone : .server))
  }

  /// A sentence for each rule that never counts.
  package var warnings: [String] {
    let drafts = drafts ?? []
    return drafts.indices.compactMap { index in
      let draft = drafts[index]
      let subject = "\(name), line \(draft.line): the rule for \"\(draft.match)\" never applies"
      guard draft.match.isPossible else { return "\(subject): no client can use a channel with such a name." }
      return drafts[..<index].first { $0.match.covers(draft.match) }.map { earlier in
        "\(subject): \"\(earlier.match)\" in line \(earlier.line) matches all its channels and comes first."
      }
    }
  }

  /// First, but for rules for some of its channels, which would else never count; nowhere if there is one with its pattern.
  private static func insert(_ rule: ChannelRule, into rules: inout [ChannelRule]) {
    guard !rules.contains(where: { $0.match == rule.match }) else { return }
    let end = rules.firstIndex { $0.match.covers(rule.match) } ?? rules.endIndex
    rules.insert(rule, at: rules[..<end].lastIndex { rule.match.covers($0.match) }.map { $0 + 1 } ?? 0)
  }

  private static let demo = "demo:*"

  /// Channels of `--dev` that keep history, to try it; those of the editor, whose text is its edits, longer.
  private static let demoRules: [ChannelRule] = [
    ("demo:doc:*", HistoryRule(size: 2_000, timeToLive: 3_600_000)),
    (demo, HistoryRule(size: 100, timeToLive: 600_000)),
  ].compactMap { text, history in
    ChannelPattern(text).map { pattern in
      var rule = ChannelRule.standard(pattern, isOpen: true)
      rule.history = history
      return rule
    }
  }

  private static func settings(_ fields: YAMLFields) throws(ConfigurationError) -> [Setting: [SettingValue]] {
    var settings: [Setting: [SettingValue]] = [:]
    for setting in options {
      let given: [(text: String, line: Int)]
      if setting.form == .toggle {
        // Stricter than a variable, so that whoever writes `no` learns of it.
        _ = try fields.toggle(setting.name)
      }
      if setting.isRepeatable {
        guard let texts = try fields.texts(setting.name) else { continue }
        // A template that was filled with nothing would run each node alone.
        if setting == .redis, texts.isEmpty {
          throw ConfigurationError(
            "\(fields.file): `redis` is an empty list: leave it out for a node alone, in memory.")
        }
        given = texts
      } else {
        guard let text = try fields.text(setting.name) else { continue }
        given = [text]
      }
      let values = given.map { SettingValue($0.text, from: .configurationFile(fields.file, line: $0.line)) }
      for value in values where !setting.form.accepts(value.text) { throw value.refusal(setting) }
      settings[setting] = values
    }
    return settings
  }

  private static func drafts(_ fields: YAMLFields) throws(ConfigurationError) -> [ChannelRuleDraft]? {
    guard let list = try fields.list("channels", known: ChannelRuleDraft.keys) else { return nil }
    var drafts: [ChannelRuleDraft] = []
    var lines: [String: Int] = [:]
    for item in list {
      let draft = try ChannelRuleDraft(item)
      if let earlier = lines.updateValue(draft.line, forKey: draft.match.text) {
        throw item.error(
          "there is already a rule for \"\(draft.match)\" in line \(earlier): this one never applies.", line: draft.line
        )
      }
      drafts.append(draft)
    }
    return drafts
  }
}
