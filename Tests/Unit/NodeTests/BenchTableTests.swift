import Bench
import FoundationEssentials
import Testing

@testable import apus

/// The figures of a run for people.
@Suite struct BenchTableTests {
  /// A run of 10,000 messages.
  private func table(late: Int) throws -> String {
    let json = """
      {"load":{"nodes":1,"connections":1,"channels":1,"publishers":1,"payload":64},"connect":{"connections":2,
      "seconds":1,"perSecond":2},"seconds":1,"publishesPerSecond":1,"deliveriesPerSecond":1,"published":10000,
      "expected":20,"delivered":20,"lost":0,"disordered":0,"refused":{"rate_limited":3},"lostConnections":0,
      "lateSends":\(late),"unsent":0,"generatorCores":0}
      """
    return BenchTable.text(of: try JSONDecoder().decode(BenchReport.self, from: Data(json.utf8)))
  }

  @Test func aLoadOfWhichNextToNothingLeftLateIsNotTooMuch() throws {
    for late in [0, 1, 4] { #expect(try !table(late: late).contains("too slow")) }
    for late in [6, 10_000] { #expect(try table(late: late).contains("too slow")) }
  }

  @Test func whatWasRefusedStandsBesideWhatWasLost() throws {
    let table = try table(late: 0)
    #expect(table.contains("lost        0"))
    #expect(table.contains("refused     3 publishes, rate_limited"))
  }
}
