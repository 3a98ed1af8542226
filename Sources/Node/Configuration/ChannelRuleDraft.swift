import Model

/// A rule as it stands in the file: what it leaves out is filled in when the node is known.
struct ChannelRuleDraft: Sendable {
  static let keys = [
    "match", "publish", "subscribe", "signal", "presence", "history", "last", "overflow",
  ]
  /// Kept after the last message where nothing else is said, in milliseconds.
  static let timeToLive: Int64 = 600_000
  private static let sizes = 1...10_000
  private static let historyKeys = ["size", "ttl"]

  let match: ChannelPattern
  /// Where `match` stands.
  let line: Int
  private let publish: PublishLevel?
  private let subscribe: SubscribeLevel?
  private let signal: PublishLevel?
  private let presence: Bool?
  private let history: HistoryRule?
  private let last: Bool?
  private let overflow: OverflowPolicy?

  init(_ fields: YAMLFields) throws(ConfigurationError) {
    guard let match = try fields.text("match") else {
      throw fields.error("a rule needs a `match`: the channels that it is for.")
    }
    guard let pattern = ChannelPattern(match.text) else {
      throw fields.error("`match` takes a pattern such as \"room:*\".", line: match.line)
    }
    self.match = pattern
    line = match.line
    publish = try fields.choice("publish", PublishLevel.self)
    subscribe = try fields.choice("subscribe", SubscribeLevel.self)
    signal = try fields.choice("signal", PublishLevel.self)
    presence = try fields.toggle("presence")
    last = try fields.toggle("last")
    overflow = try fields.choice("overflow", OverflowPolicy.self)
    let history = try fields.fields("history", known: Self.historyKeys)
    self.history = try history.map { fields throws(ConfigurationError) in try Self.history(fields) }
  }

  private static func history(_ fields: YAMLFields) throws(ConfigurationError) -> HistoryRule {
    guard let size = try fields.text("size") else { throw fields.error("a history needs a `size`, in messages.") }
    let form = SettingForm.integer(sizes)
    guard let count = Decimal.integer(size.text), sizes.contains(count) else {
      throw fields.error("`size` takes \(form.expected), not '\(size.text.prefix(40))'.", line: size.line)
    }
    guard let ttl = try fields.text("ttl") else { return HistoryRule(size: count, timeToLive: timeToLive) }
    let duration = SettingForm.duration(atLeast: 1000)
    guard duration.accepts(ttl.text), let time = Milliseconds(text: ttl.text) else {
      throw fields.error("`ttl` takes \(duration.expected), not '\(ttl.text.prefix(40))'.", line: ttl.line)
    }
    return HistoryRule(size: count, timeToLive: time.value)
  }

  /// The rule on a node that is open to everybody, or where it takes to be known.
  func rule(isOpen: Bool) -> ChannelRule {
    var rule = ChannelRule.standard(match, isOpen: isOpen)
    rule.publish = publish ?? rule.publish
    rule.subscribe = subscribe ?? rule.subscribe
    rule.signal = signal ?? rule.publish
    rule.hasPresence = presence ?? rule.hasPresence
    rule.sendsLast = last ?? false
    rule.history = history ?? (rule.sendsLast ? HistoryRule(size: 1, timeToLive: Self.timeToLive) : nil)
    rule.overflow = overflow ?? rule.overflow
    return rule
  }
}
