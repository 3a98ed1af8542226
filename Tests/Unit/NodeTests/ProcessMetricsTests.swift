import Testing

@testable import Node

@Suite struct ProcessMetricsTests {
  /// What follows the name: the fields from 3 on, each with its number.
  private static let fields = (["S"] + (4...52).map(String.init)).joined(separator: " ")

  @Test(arguments: ["apus", "a b", "a) S 1 2 (b", ")"])
  func theFieldsFollowTheName(_ name: String) {
    let status = ProcessStatus("1 (\(name)) \(Self.fields)\n")
    #expect(status?.cpuTicks == 14 + 15)
    #expect(status?.startTicks == 22)
    #expect(status?.residentPages == 24)
  }

  @Test(arguments: ["", "1", "1 (apus)", "1 (apus) S 4 5", "1 (apus) " + fields.replacing(" 22 ", with: " x ")])
  func whatIsNotOfThatFormIsNil(_ text: String) {
    #expect(ProcessStatus(text) == nil)
  }

  @Test func theBootIsALineOfItsOwn() {
    #expect(ProcessReader.bootSeconds("cpu 1 2\nintr 5 6\nbtime 1700000000\nprocesses 7\n") == 1_700_000_000)
    #expect(ProcessReader.bootSeconds("cpu 1 2\n") == nil)
    #expect(ProcessReader.bootSeconds("btime x\n") == nil)
  }

  @Test func thisProcessIsOneOfThem() throws {
    let reader = ProcessReader()
    let metrics = reader.metrics()
    #expect(try #require(metrics.residentBytes) > 1 << 20)
    #expect(try #require(metrics.cpuSeconds) >= 0)
    let open = try #require(metrics.openDescriptors)
    #expect(open > 2)
    #expect(try #require(metrics.maxDescriptors) >= open)
    // Since 2020, and always the same.
    #expect(try #require(metrics.startSeconds) > 1_577_836_800)
    #expect(reader.metrics().startSeconds == metrics.startSeconds)
  }
}
