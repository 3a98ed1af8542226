/// The values of options, as what they are.
extension Settings {
  package func isOn(_ setting: Setting) throws(ConfigurationError) -> Bool {
    try value(setting, SettingForm.toggle) ?? false
  }

  package func optionalText(_ setting: Setting) throws(ConfigurationError) -> String? {
    try value(setting) { $0 }
  }

  package func texts(_ setting: Setting) throws(ConfigurationError) -> [String] {
    let values = try given(setting)
    for value in values where !setting.form.accepts(value.text) { throw value.refusal(setting) }
    return values.map(\.text)
  }

  // MARK: Options that have a default

  package func text(_ setting: Setting) throws(ConfigurationError) -> String {
    try required(setting) { $0 }
  }

  package func integer(_ setting: Setting) throws(ConfigurationError) -> Int {
    try required(setting) { Decimal.integer($0) }
  }

  package func number(_ setting: Setting) throws(ConfigurationError) -> Double {
    try required(setting) { Decimal.number($0) }
  }

  package func milliseconds(_ setting: Setting) throws(ConfigurationError) -> Int64 {
    try required(setting) { Milliseconds(text: $0)?.value }
  }

  package func bytes(_ setting: Setting) throws(ConfigurationError) -> Int {
    try required(setting) { ByteCount(text: $0)?.value }
  }

  // MARK: -

  private func required<Value>(
    _ setting: Setting, _ parse: (String) -> Value?
  ) throws(ConfigurationError) -> Value {
    guard let value = try value(setting, parse) else { throw ConfigurationError("\(setting.flag) is missing.") }
    return value
  }

  private func value<Value>(
    _ setting: Setting, _ parse: (String) -> Value?
  ) throws(ConfigurationError) -> Value? {
    if let given = try given(setting).last {
      guard setting.form.accepts(given.text), let value = parse(given.text) else { throw given.refusal(setting) }
      return value
    }
    switch setting.fallback {
    case .value(let text): return parse(text)
    case .words: return nil
    }
  }
}
