import Node
import Testing

/// No error says what a secret is, whatever is wrong with it and wherever it stands.
@Suite struct SecretsTests {
  private static let mark = "s3cr3t"

  @Test(arguments: [
    "jwt-secret: s3cr3t: s3cr3t", "jwt-secret: [s3cr3t]", "jwt-secret: {s3cr3t: s3cr3t}", "jwt-secret: \"s3cr3t",
    "jwt-secret: &s3cr3t s3cr3t", "jwt-secret: *s3cr3t", "jwt-secret: s3cr3t\njwt-secret: s3cr3t", "s3cr3t",
    "jwt-secret: {s3cr3t: 1, s3cr3t: 2}", "api-key:\n  - [s3cr3t]", "api-key: {s3cr3t: s3cr3t}",
    "api-key:\ns3cr3t-key-without-its-dash:", "redis: s3cr3t", "redis: redis://:s3cr3t@", "redis: [s3cr3t, s3cr3t]",
    "redis: http://s3cr3t", "redis: redis://s3cr3t@host", "redis: redis://:%zzs3cr3t@host", "- s3cr3t",

    "jwt-secret: @s3cr3t", "jwt-secret: `s3cr3t`", "jwt-secret: %s3cr3t", "jwt-secret: 's3cr3t\u{1}'",
    "jwt-secret: s3cr3t\n\tapi-key: s3cr3t", "api-key: 's3cr3t with spaces'", "api-read-key: s3cr3t é",
  ])
  func notFromTheFile(_ text: String) throws {
    let file = try TemporaryFile(text)
    let error = refusal { try NodeConfiguration(settings([.dev: ["true"]], file: file)).validated() }
    #expect(!error.isEmpty)
    #expect(!error.contains(Self.mark), "\(error)")
  }

  @Test(arguments: Setting.allCases.filter(\.isSecret))
  func notFromFlagsAndVariables(_ setting: Setting) throws {
    let file = try TemporaryFile("s3cr3t\ns3cr3t")
    let values = [
      "s3cr3t", "s3cr3t s3cr3t s3cr3t", "redis://:s3cr3t@:host", "rediss://:s3cr3t@host", "\u{7}s3cr3t",
      "redis+sentinel://:s3cr3t@host/m?sentinel-password=s3cr3t&s3cr3t",
    ]
    var errors: [String] = []
    for value in values {
      errors += [
        [setting: [value, value]], [setting: [value]],
      ].map { flags in refusal { try NodeConfiguration(settings(flags)).validated() } }
      errors.append(refusal { try NodeConfiguration(settings([:], [setting.variable: value])).validated() })
    }
    let variable = try #require(setting.fileVariable)
    errors.append(refusal { try NodeConfiguration(settings([:], [variable: file.path])).validated() })
    errors.append(
      refusal { try NodeConfiguration(settings([:], [variable: file.path, setting.variable: "s3cr3t"])).validated() })
    for error in errors { #expect(!error.contains(Self.mark), "\(error)") }
    #expect(errors.contains { !$0.isEmpty })
  }

  @Test func notFromWarnings() throws {
    let configuration = try NodeConfiguration(settings([.dev: ["true"], .jwtSecret: ["s3cr3t"]]))
    #expect(configuration.warnings.count == 1)
    #expect(!configuration.warnings.joined().contains(Self.mark))
  }
}
