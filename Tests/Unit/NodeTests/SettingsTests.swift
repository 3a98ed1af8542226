import Node
import Testing

/// Where the value of an option comes from.
@Suite struct SettingsTests {
  @Test func theOrderIsCommandLineVariableFileDefault() throws {
    let file = try TemporaryFile("max-channels: 4\nburst: 4\nrate: 4\nmax-outbox: 4MiB")
    let settings = try settings(
      [.maxChannels: ["2"]], ["APUS_MAX_CHANNELS": "3", "APUS_BURST": "3", "APUS_RATE": ""], file: file)
    #expect(try settings.integer(.maxChannels) == 2)
    #expect(try settings.number(.burst) == 3)
    #expect(try settings.number(.rate) == 4, "an empty variable counts as not set")
    #expect(try settings.bytes(.maxOutbox) == 4 << 20)
    #expect(try settings.milliseconds(.drain) == 20_000)
  }

  @Test func whereItWasSaidIsKept() throws {
    let file = try TemporaryFile("{\n\"port\": 9000\n}")
    let settings = try settings([.host: ["::1"]], ["APUS_LOOPS": "2"], file: file)
    #expect(try settings.given(.host) == [SettingValue("::1", from: .commandLine)])
    #expect(try settings.given(.loops) == [SettingValue("2", from: .variable("APUS_LOOPS"))])
    #expect(try settings.given(.port) == [SettingValue("9000", from: .configurationFile(file.path, line: 2))])
    #expect(try settings.given(.drain).isEmpty)
  }

  @Test func whatMayBeRepeated() throws {
    let list = try TemporaryFile("allowed-origin: [https://a.example, https://b.example]")
    let single = try TemporaryFile("allowed-origin: https://c.example")
    #expect(try settings(file: list).texts(.allowedOrigin) == ["https://a.example", "https://b.example"])
    #expect(try settings(file: single).texts(.allowedOrigin) == ["https://c.example"])
    let variable = try settings([:], ["APUS_ALLOWED_ORIGIN": "https://d.example, https://e.example,"], file: list)
    #expect(try variable.texts(.allowedOrigin) == ["https://d.example", "https://e.example"])
    let flags = try settings([.allowedOrigin: ["*"]], ["APUS_ALLOWED_ORIGIN": "https://d.example"], file: list)
    #expect(try flags.texts(.allowedOrigin) == ["*"])
  }

  @Test func theFileMayBeNamedByAVariable() throws {
    let file = try TemporaryFile("port: 9000")
    let settings = try settings([:], ["APUS_CONFIG": file.path])
    #expect(settings.filePath == file.path)
    #expect(try settings.integer(.port) == 9000)
  }

  @Test func switches() throws {
    let file = try TemporaryFile("echo: true\ncompression: false")
    let settings = try settings([.dev: ["true"]], ["APUS_COMPRESSION": "on", "APUS_ECHO": "no"], file: file)
    #expect(try settings.isOn(.dev))
    #expect(try settings.isOn(.compression))
    #expect(try !settings.isOn(.echo), "a variable switches off what the file switches on")
    #expect(try !settings.isOn(.allowAnonymous))
  }

  // MARK: Errors

  @Test func anErrorNamesWhereTheValueStands() throws {
    let file = try TemporaryFile("\nmax-channels: none")
    #expect(
      refusal { try settings([.maxOutbox: ["12x"]]).bytes(.maxOutbox) }.hasPrefix("--max-outbox takes a number of"))
    #expect(refusal { try settings([:], ["APUS_RATE": "fast"]).number(.rate) }.hasPrefix("APUS_RATE takes a number"))
    #expect(refusal { try settings(file: file) }.hasPrefix("\(file.path), line 2: `max-channels` takes a whole number"))
    #expect(refusal { try settings([.maxOutbox: ["12x"]]).bytes(.maxOutbox) }.contains("not '12x'"))
  }

  @Test func aFileThatCannotBeRead() {
    #expect(
      refusal { try settings([.config: ["/nowhere/apus.yaml"]]) }.contains("/nowhere/apus.yaml cannot be read: No"))
    #expect(refusal { try settings([.config: ["/tmp"]]) }.contains("cannot be read: Is a directory"))
    #expect(refusal { try settings([.config: ["/dev/zero"]]) }.contains("is larger than 1024 KiB"))
  }

  // MARK: Secrets by files

  @Test func aSecretMayStandInAFile() throws {
    let secret = try TemporaryFile(" 0123 with spaces \n")
    #expect(try settings([:], ["APUS_JWT_SECRET_FILE": secret.path]).text(.jwtSecret) == " 0123 with spaces ")
    let two = try TemporaryFile("two\nlines\n\n")
    #expect(try settings([:], ["APUS_JWT_SECRET_FILE": two.path]).text(.jwtSecret) == "two\nlines\n")
    let keys = try TemporaryFile("first\r\nsecond\n\n")
    #expect(try settings([:], ["APUS_API_KEY_FILE": keys.path]).texts(.apiKey) == ["first", "second"])
    #expect(try settings([.apiKey: ["mine"]], ["APUS_API_KEY_FILE": keys.path]).texts(.apiKey) == ["mine"])
  }

  @Test func aSecretsFileThatCannotBe() throws {
    let empty = try TemporaryFile("\n")
    let both = ["APUS_JWT_SECRET": "s3cr3t", "APUS_JWT_SECRET_FILE": empty.path]
    #expect(
      refusal { try settings([:], both).text(.jwtSecret) }.contains("Both APUS_JWT_SECRET and APUS_JWT_SECRET_FILE"))
    #expect(
      refusal { try settings([:], ["APUS_API_KEY_FILE": empty.path]).texts(.apiKey) }
        == "APUS_API_KEY_FILE: \(empty.path) is empty.")
    #expect(
      refusal { try settings([:], ["APUS_REDIS_FILE": "/nowhere"]).texts(.redis) }
        .hasPrefix("APUS_REDIS_FILE: /nowhere cannot be read"))
  }

  // MARK: Misspelt variables

  @Test func aMisspeltVariableIsToldOf() throws {
    let environment = [
      "APUS_MAX_OUTBX": "1", "APUS_JWT_SECRETFILE": "x", "APUS_PUBLISH": "8080", "PATH": "/bin", "APUS_PORT": "1",
    ]
    #expect(
      try settings([:], environment).warnings == [
        "The variable APUS_JWT_SECRETFILE is not an option; did you mean APUS_JWT_SECRET_FILE?",
        "The variable APUS_MAX_OUTBX is not an option; did you mean APUS_MAX_OUTBOX?",
      ])
  }
}

/// What the refusal says; empty when there is none.
func refusal<Value>(_ body: () throws -> Value) -> String {
  do {
    _ = try body()
    return ""
  } catch {
    return "\(error)"
  }
}
