@testable import Broker
import Testing

@Suite struct ProbeTests {
  @Test func aProbeIsDueEveryFiveSeconds() {
    var probe = Probe()
    #expect(probe.isDue(now: 0), "the first at once")
    #expect(probe.send(now: 0, microseconds: 0) == 1)
    #expect(!probe.isDue(now: 4999))
    #expect(probe.isDue(now: 5000))
    #expect(probe.send(now: 5000, microseconds: 5_000_000) == 2)
    #expect(!probe.isDue(now: 9999))
  }

  @Test func aProbeThatComesBackTellsTheRoundTrip() {
    var probe = Probe()
    #expect(probe.roundTrip == nil)
    _ = probe.send(now: 0, microseconds: 1_000_000)
    probe.received(1, microseconds: 1_002_500)
    #expect(probe.roundTrip == 0.0025)
    #expect(probe.isHealthy)
  }

  @Test func twoThatAreMissingAreTooMany() {
    var probe = Probe()
    _ = probe.send(now: 0, microseconds: 0)
    #expect(probe.isHealthy, "one may be on its way")
    _ = probe.send(now: 5000, microseconds: 0)
    #expect(!probe.isHealthy)
    #expect(probe.send(now: 10_000, microseconds: 0) == nil, "no third is sent")
    probe.received(1, microseconds: 0)
    #expect(probe.isHealthy, "late is not missing")
    #expect(probe.send(now: 10_000, microseconds: 0) == 3)
  }

  @Test func theNewestAnswersForAllBeforeIt() {
    var probe = Probe()
    _ = probe.send(now: 0, microseconds: 0)
    _ = probe.send(now: 5000, microseconds: 5_000_000)
    probe.received(2, microseconds: 5_001_000)
    #expect(probe.isHealthy)
    #expect(probe.roundTrip == 0.001)
    probe.received(1, microseconds: 9_000_000)
    #expect(probe.roundTrip == 0.001, "an older one tells nothing new")
  }

  @Test func anOldOneDoesNotTellTheRoundTrip() {
    var probe = Probe()
    _ = probe.send(now: 0, microseconds: 0)
    _ = probe.send(now: 5000, microseconds: 5_000_000)
    probe.received(1, microseconds: 6_000_000)
    #expect(probe.roundTrip == nil, "the moment of the newest is all that is known")
  }

  @Test func numbersThatWereNeverSentAreIgnored() {
    var probe = Probe()
    _ = probe.send(now: 0, microseconds: 0)
    probe.received(0, microseconds: 1)
    probe.received(2, microseconds: 1)
    probe.received(.max, microseconds: 1)
    #expect(probe.roundTrip == nil)
    _ = probe.send(now: 5000, microseconds: 0)
    #expect(!probe.isHealthy)
  }

  @Test func afterALostLinkNothingIsMissing() {
    var probe = Probe()
    _ = probe.send(now: 0, microseconds: 0)
    _ = probe.send(now: 5000, microseconds: 0)
    probe.forget()
    #expect(probe.isHealthy)
    #expect(probe.isDue(now: 5001), "the next at once")
    #expect(probe.send(now: 5001, microseconds: 5_001_000) == 3)
    probe.received(2, microseconds: 5_001_500)
    #expect(probe.roundTrip == nil, "of the earlier connection")
    probe.received(3, microseconds: 5_002_000)
    #expect(probe.roundTrip == 0.001)
  }

  /// What was left in Redis on purpose comes late, and the probe behind it.
  @Test func aProbeMayBeExcused() {
    var probe = Probe()
    _ = probe.send(now: 0, microseconds: 0)
    _ = probe.send(now: 5000, microseconds: 0)
    #expect(!probe.isHealthy)
    probe.ignoreMissing()
    #expect(probe.isHealthy)
    #expect(!probe.isDue(now: 5000), "but the next one comes when it is due")
    #expect(probe.send(now: 10_000, microseconds: 0) == 3)
  }
}
