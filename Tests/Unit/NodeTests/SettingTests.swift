import Node
import Testing

/// The table of options.
@Suite struct SettingTests {
  @Test func namesAreThoseOfFlagVariableAndKey() {
    #expect(Setting.maxOutbox.flag == "--max-outbox")
    #expect(Setting.maxOutbox.variable == "APUS_MAX_OUTBOX")
    #expect(Setting.maxOutbox.name == "max-outbox")
    #expect(Setting.jwtSecret.fileVariable == "APUS_JWT_SECRET_FILE")
    #expect(Setting.port.fileVariable == nil)
  }

  @Test func secretsAreThese() {
    #expect(Setting.allCases.filter(\.isSecret) == [.jwtSecret, .apiKey, .apiReadKey, .redis, .backendSecret])
  }

  @Test(arguments: Setting.allCases)
  func aDefaultIsAValue(_ setting: Setting) {
    switch setting.fallback {
    case .value(let text): #expect(setting.form.accepts(text))
    case .words(let text): #expect(!text.isEmpty)
    }
  }

  /// They end up in a table of the documentation and in `--help`.
  @Test(arguments: Setting.allCases)
  func helpIsOneSentence(_ setting: Setting) {
    #expect(setting.help.hasSuffix("."))
    #expect(!setting.help.contains("|"))
    #expect(!setting.help.contains("\n"))
  }

  @Test(arguments: [
    (SettingForm.toggle, ["true", "0", "Yes", "off"], ["", "2", "maybe"]),
    (.text("a text"), ["x", " "], [""]),
    (.integer(1...64), ["1", "64", "08"], ["0", "65", "-1", "+1", "1.0", "1e1", "0x1", "", "99999999999999999999"]),
    (.number(0...10), ["0", "1.5", "10"], ["nan", "inf", "-0.1", "10.1", "1e1", "", ".", "1.2.3"]),
    (
      .duration(atLeast: 100), ["100ms", "0.1", "20s", "10m", "1h", "7d", "0.5d"],
      ["99ms", "", "ms", "-1s", "1w", "1D", "1e99", "s", "d", "1dd", "99999d"]
    ),
    (.size(128...1 << 30), ["128", "64KiB", "1GiB"], ["127", "2GiB", "1MB", "KiB", "-1", "99999999999GiB"]),
    (.choice(["text", "json"]), ["text"], ["TEXT", "", "xml"]),
  ])
  func forms(_ form: SettingForm, _ good: [String], _ bad: [String]) {
    for text in good { #expect(form.accepts(text), "\(text)") }
    for text in bad { #expect(!form.accepts(text), "\(text)") }
  }

  @Test(arguments: [
    ("500ms", 500, "500ms"), ("90", 90_000, "90s"), ("600s", 600_000, "10m"), ("120m", 7_200_000, "2h"),
    ("7d", 604_800_000, "7d"), ("1.5d", 129_600_000, "36h"), ("0", 0, "0s"), ("1500ms", 1500, "1500ms"),
  ])
  func times(_ text: String, _ value: Int64, _ description: String) {
    let time = Milliseconds(text: text)
    #expect(time?.value == value)
    #expect(time?.description == description)
  }

  /// Whoever is told that a value is none learns all the units.
  @Test func unitsAreTold() {
    for unit in ["500ms", "20s", "10m", "2h", "7d"] {
      #expect(SettingForm.duration(atLeast: 0).expected.contains(unit))
      #expect(SettingForm.duration(atLeast: 0).accepts(unit))
    }
    for unit in ["65536", "64KiB", "1MiB", "1GiB"] {
      #expect(SettingForm.size(1...1 << 30).expected.contains(unit))
      #expect(SettingForm.size(1...1 << 30).accepts(unit))
    }
  }
}
