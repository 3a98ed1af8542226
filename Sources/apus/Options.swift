import ArgumentParser
import FoundationEssentials
import Node

/// Flags of settings: their names, help and defaults are the table's.
protocol SettingOptions: ParsableArguments {
  /// What the command line says; nothing and empty lists are left out later.
  var texts: [Setting: [String?]] { get }
}

extension Settings {
  /// What flags, the environment of this process and the configuration file say.
  init(_ groups: [any SettingOptions]) throws(ConfigurationError) {
    var commandLine: [Setting: [String]] = [:]
    for group in groups {
      commandLine.merge(group.texts.mapValues { $0.compactMap(\.self) }) { first, _ in first }
    }
    try self.init(commandLine: commandLine, environment: ProcessInfo.processInfo.environment)
  }
}

extension Option where Value == String? {
  init(_ setting: Setting) {
    self.init(name: .customLong(setting.name), parsing: .next, help: .of(setting), completion: nil)
  }
}

extension Option where Value == [String] {
  init(wrappedValue: [String], _ setting: Setting) {
    self.init(
      wrappedValue: wrappedValue, name: .customLong(setting.name), parsing: .singleValue, help: .of(setting),
      completion: nil)
  }
}

extension Flag where Value == Bool {
  init(wrappedValue: Bool, _ setting: Setting) {
    self.init(wrappedValue: wrappedValue, name: .customLong(setting.name), help: .of(setting))
  }
}

extension ArgumentHelp {
  fileprivate static func of(_ setting: Setting) -> ArgumentHelp {
    ArgumentHelp(stringLiteral: setting.helpWithDefault)
  }
}

extension Milliseconds {
  /// The value of an option; throws what is expected.
  init(argument: String) throws {
    guard let value = Milliseconds(text: argument) else { throw Failure("it takes \(Self.expected).") }
    self = value
  }
}

extension ByteCount {
  /// The value of an option; throws what is expected.
  init(argument: String) throws {
    guard let value = ByteCount(text: argument) else { throw Failure("it takes \(Self.expected).") }
    self = value
  }
}
