@testable import Broker
import Testing

@Suite struct LeaseTests {
  @Test func atFirstThereIsNone() {
    let lease = Lease()
    #expect(!lease.isHeld)
    #expect(lease.age(now: 100) == nil)
    #expect(!lease.isDue(now: 1_000_000), "there is nothing to renew")
    #expect(!lease.mayReap(now: 1_000_000))
  }

  @Test func itIsRenewedEveryThreeSeconds() {
    var lease = Lease()
    lease.confirm(now: 1000)
    #expect(lease.isHeld)
    #expect(lease.age(now: 1500) == 500)
    #expect(!lease.isDue(now: 3999))
    #expect(lease.isDue(now: 4000))
    lease.confirm(now: 4100)
    #expect(lease.age(now: 4100) == 0)
    #expect(!lease.isDue(now: 7099))
    #expect(lease.isDue(now: 7100))
  }

  @Test func othersMayBeReapedAfterTenSteadySeconds() {
    var lease = Lease()
    for now in stride(from: Int64(0), through: 9000, by: 3000) {
      lease.confirm(now: now)
      #expect(!lease.mayReap(now: now))
    }
    #expect(!lease.mayReap(now: 9999))
    #expect(lease.mayReap(now: 10_000))
    lease.confirm(now: 12_000)
    #expect(lease.mayReap(now: 12_000))
  }

  @Test func aLostLeaseStartsAnew() {
    var lease = Lease()
    lease.confirm(now: 0)
    lease.confirm(now: 9000)
    lease.lose()
    #expect(!lease.isHeld)
    #expect(lease.age(now: 9500) == nil)
    #expect(!lease.isDue(now: 20_000))
    #expect(!lease.mayReap(now: 20_000))
    lease.confirm(now: 20_000)
    #expect(!lease.mayReap(now: 29_999))
    #expect(lease.mayReap(now: 30_000))
  }

  @Test func aBreakLongerThanTheLeaseStartsTheSteadyTimeAnew() {
    var unbroken = Lease()
    unbroken.confirm(now: 0)
    unbroken.confirm(now: 10_000)
    #expect(unbroken.mayReap(now: 10_000), "the lease just held")
    var broken = Lease()
    broken.confirm(now: 0)
    broken.confirm(now: 10_001)
    #expect(broken.isHeld)
    #expect(!broken.mayReap(now: 20_000))
    #expect(broken.mayReap(now: 20_001))
  }
}
