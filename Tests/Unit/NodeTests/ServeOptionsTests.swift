import ArgumentParser
import Node
import Testing

@testable import apus

/// Every option of the table has its flag.
@Suite struct ServeOptionsTests {
  @Test(arguments: Setting.allCases)
  func everySettingHasItsFlag(_ setting: Setting) throws {
    let isSwitch = setting.form == .toggle
    let flags =
      isSwitch ? [setting.flag] : [setting.flag, "one"] + (setting.isRepeatable ? [setting.flag, "two"] : [])
    let options = try ServeOptions.parse(flags)
    let texts = options.groups.flatMap { $0.texts }.map { ($0.key, $0.value.compactMap(\.self)) }.filter {
      !$0.1.isEmpty
    }
    #expect(texts.map(\.0) == [setting])
    #expect(texts.first?.1 == (isSwitch ? ["true"] : setting.isRepeatable ? ["one", "two"] : ["one"]))
  }

  @Test func helpShowsDefaults() {
    let help = Serve.helpMessage(columns: 1000)
    for setting in Setting.allCases { #expect(help.contains(setting.helpWithDefault), "\(setting.flag)") }
  }
}
