import Locks
import LoopTestSupport
import Model
import Reactor
import Server
import TestSupport
import Testing

@Suite struct AddressLimitsTests {
  private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  /// The n-th of many addresses.
  private func address(_ number: Int) throws -> IPAddress {
    try address("\(10 + number >> 24).\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)")
  }

  // MARK: Connections

  @Test func takesAsManyConnectionsAsItsLimit() throws {
    let limits = AddressLimits(maxConnections: 2, connectRate: 0)
    let (one, other) = (try address("10.0.0.1"), try address("10.0.0.2"))
    #expect(limits.enter(one, now: 0) == .admitted)
    #expect(limits.enter(one, now: 0) == .admitted)
    #expect(limits.enter(one, now: 0) == .tooMany)
    #expect(limits.enter(one, now: 1_000_000) == .tooMany, "however long that lasts")
    #expect(limits.enter(other, now: 0) == .admitted, "another has its own")
    limits.leave(one)
    #expect(limits.enter(one, now: 0) == .admitted, "those that were refused were not counted")
    #expect(limits.enter(one, now: 0) == .tooMany)
    #expect(limits.addresses == 2)
  }

  @Test func anAddressWithoutConnectionsIsForgotten() throws {
    let limits = AddressLimits(maxConnections: 2, connectRate: 0)
    let one = try address("10.0.0.1")
    for _ in 0..<2 { #expect(limits.enter(one, now: 0) == .admitted) }
    limits.leave(one)
    #expect(limits.addresses == 1)
    limits.leave(one)
    #expect(limits.addresses == 0)
    limits.leave(one)
    #expect(limits.addresses == 0, "one that nobody knows stays unknown")
  }

  @Test func zeroIsNoLimit() throws {
    let limits = AddressLimits(maxConnections: 0, connectRate: 0)
    let one = try address("10.0.0.1")
    for _ in 0..<10_000 { #expect(limits.enter(one, now: 0) == .admitted) }
    #expect(limits.addresses == 0, "and nothing to remember")
    limits.leave(one)
    let rate = AddressLimits(maxConnections: 0, connectRate: 10)
    for second in 0..<1000 {
      #expect(rate.enter(one, now: Int64(second) * 100) == .admitted, "any number of connections")
    }
    let connections = AddressLimits(maxConnections: 1000, connectRate: 0)
    for _ in 0..<1000 { #expect(connections.enter(one, now: 0) == .admitted, "at any rate") }
    #expect(connections.enter(one, now: 0) == .tooMany)
  }

  @Test func aClientWithoutAnAddressIsNotLimited() {
    let limits = AddressLimits(maxConnections: 1, connectRate: 1)
    for _ in 0..<100 { #expect(limits.enter(nil, now: 0) == .admitted) }
    limits.leave(nil)
    #expect(limits.addresses == 0)
  }

  @Test func aHouseholdIsOneAddress() throws {
    let limits = AddressLimits(maxConnections: 2, connectRate: 0)
    #expect(limits.enter(try address("2001:db8::1"), now: 0) == .admitted)
    #expect(limits.enter(try address("2001:db8::2:3:4:5"), now: 0) == .admitted)
    #expect(limits.enter(try address("2001:db8::6"), now: 0) == .tooMany)
    #expect(limits.enter(try address("2001:db8:0:1::1"), now: 0) == .admitted, "next door")
    limits.leave(try address("2001:db8::1"))
    #expect(limits.enter(try address("2001:db8::6"), now: 0) == .admitted)
    #expect(limits.enter(try address("10.0.0.1"), now: 0) == .admitted)
    #expect(limits.enter(try address("10.0.0.2"), now: 0) == .admitted)
    #expect(limits.enter(try address("10.0.0.3"), now: 0) == .admitted, "IPv4 is scarce: each counts for itself")
  }

  // MARK: Rate

  @Test(arguments: [
    (1.0, 1, 1), (5, 5, 1), (2.5, 3, 1), (0.5, 1, 2), (0.1, 1, 10), (0.3, 1, 4), (1.001, 2, 1), (1000, 1000, 1),
  ])
  func takesABurstAndThenAtItsRate(_ rate: Double, _ burst: Int, _ retryAfter: Int) throws {
    let limits = AddressLimits(maxConnections: 0, connectRate: rate)
    let one = try address("10.0.0.1")
    for _ in 0..<burst { #expect(limits.enter(one, now: 5000) == .admitted) }
    #expect(limits.enter(one, now: 5000) == .tooFast(retryAfter: retryAfter))
    #expect(limits.enter(try address("10.0.0.2"), now: 5000) == .admitted, "another has its own")
    let next = 5000 + Int64((1000 / rate).rounded(.up))
    #expect(limits.enter(one, now: next - 1) == .tooFast(retryAfter: 1))
    #expect(limits.enter(one, now: next) == .admitted)
    // Ever after it is one in each interval, whatever is refused between.
    let admitted = (1...2000).count { limits.enter(one, now: next + $0 * 50) == .admitted }
    #expect(abs(Double(admitted) - min(100 * rate, 2000)) <= Double(burst))
    for _ in 0..<burst { #expect(limits.enter(one, now: 100_000_000) == .admitted) }
    #expect(limits.enter(one, now: 100_000_000) == .tooFast(retryAfter: retryAfter), "a long rest is no larger burst")
  }

  @Test(arguments: [0.001, 0.3, 1.0 / 3, 0.7, 1, 1.1, 3, 7, 11.1, 1000])
  func whoWaitsAsLongAsItWasToldIsAdmitted(_ rate: Double) throws {
    let limits = AddressLimits(maxConnections: 0, connectRate: rate)
    let one = try address("10.0.0.1")
    var now: Int64 = 1_234_567_891
    for _ in 0..<20 {
      var decision = AddressLimits.Decision.admitted
      while decision == .admitted { decision = limits.enter(one, now: now) }
      guard case .tooFast(let seconds) = decision else { break }
      #expect(seconds >= 1)
      if seconds > 1 {
        let early = limits.enter(one, now: now + Int64(seconds - 1) * 1000)
        #expect(early == .tooFast(retryAfter: 1), "and no second sooner")
      }
      now += Int64(seconds) * 1000
      #expect(limits.enter(one, now: now) == .admitted)
    }
  }

  @Test func whatIsRefusedTakesNothing() throws {
    let limits = AddressLimits(maxConnections: 2, connectRate: 1)
    let one = try address("10.0.0.1")
    #expect(limits.enter(one, now: 0) == .admitted)
    for now in Int64(0)..<999 { #expect(limits.enter(one, now: now) == .tooFast(retryAfter: 1)) }
    #expect(limits.enter(one, now: 1000) == .admitted, "too fast took no token, and no place")
    for now in Int64(1000)..<2000 { #expect(limits.enter(one, now: now) == .tooMany) }
    limits.leave(one)
    #expect(limits.enter(one, now: 2000) == .admitted, "neither did too many")
  }

  @Test func leavingDoesNotFillTheBucket() throws {
    let limits = AddressLimits(maxConnections: 10, connectRate: 1)
    let one = try address("10.0.0.1")
    #expect(limits.enter(one, now: 0) == .admitted)
    limits.leave(one)
    #expect(limits.addresses == 1, "it is remembered")
    #expect(limits.enter(one, now: 10) == .tooFast(retryAfter: 1))
    #expect(limits.enter(one, now: 1000) == .admitted)
    #expect(limits.enter(try address("10.0.0.2"), now: 2000) == .admitted)
    limits.leave(one)
    #expect(limits.addresses == 1, "until its bucket is full")
  }

  @Test func threadsMayTellEarlierTimes() throws {
    let limits = AddressLimits(maxConnections: 0, connectRate: 1)
    let one = try address("10.0.0.1")
    #expect(limits.enter(one, now: 10_000) == .admitted)
    #expect(limits.enter(one, now: 5000) == .tooFast(retryAfter: 1))
    #expect(limits.enter(one, now: 10_999) == .tooFast(retryAfter: 1))
    #expect(limits.enter(one, now: 11_000) == .admitted)
  }

  @Test(arguments: [Double.leastNonzeroMagnitude, 1e-300, 1e-6, 1e6, 1e300, .infinity])
  func noRateIsTooLargeOrTooSmall(_ rate: Double) throws {
    let limits = AddressLimits(maxConnections: 0, connectRate: rate)
    let one = try address("10.0.0.1")
    #expect(limits.enter(one, now: 0) == .admitted)
    #expect(limits.enter(one, now: 0) == (rate < 1 ? .tooFast(retryAfter: 1_000_000) : .admitted))
    #expect(limits.enter(one, now: 1_000_000_000_000) == .admitted)
  }

  // MARK: Memory

  @Test func aFloodOfAddressesIsSweptOut() throws {
    let limits = AddressLimits(maxConnections: 10, connectRate: 10)
    var most = 0
    for number in 0..<50_000 {
      // The bucket is full again 100 ms later, when 100 others have come.
      let one = try address(number)
      #expect(limits.enter(one, now: Int64(number)) == .admitted)
      limits.leave(one)
      most = max(most, limits.addresses)
    }
    #expect((1000...1024).contains(most))
  }

  @Test func addressesWithConnectionsOutliveSweeps() throws {
    let limits = AddressLimits(maxConnections: 1, connectRate: 10)
    let connected = try (0..<5000).map { try address($0) }
    for one in connected { #expect(limits.enter(one, now: 0) == .admitted) }
    for number in 5000..<50_000 {
      let one = try address(number)
      #expect(limits.enter(one, now: Int64(number)) == .admitted)
      limits.leave(one)
    }
    #expect((5000...2 * (5000 + 100)).contains(limits.addresses))
    for one in connected { #expect(limits.enter(one, now: 50_000) == .tooMany) }
    for one in connected { limits.leave(one) }
    #expect(limits.addresses <= 5200)
    for one in connected { #expect(limits.enter(one, now: 50_000) == .admitted) }
  }

  @Test func bucketsThatDoNotFillAreForgottenWhenTheyAreTooMany() throws {
    let limits = AddressLimits(maxConnections: 1, connectRate: 0.001)
    let connected = try address("192.168.0.1")
    #expect(limits.enter(connected, now: 0) == .admitted)
    var (most, refused) = (0, 0)
    for number in 0..<200_000 {
      let one = try address(number)
      if limits.enter(one, now: 0) != .admitted { refused += 1 }
      limits.leave(one)
      most = max(most, limits.addresses)
    }
    #expect(refused == 0)
    #expect((65_536...2 * (65_536 + 1)).contains(most))
    #expect(limits.enter(connected, now: 0) == .tooMany, "who is connected is not")
  }

  // MARK: Threads

  @Test func manyThreadsTakeExactlyTheLimit() throws {
    let limits = AddressLimits(maxConnections: 500, connectRate: 0)
    let one = try address("10.0.0.1")
    let admitted = Lock(0)
    try onThreads(8) { _ in
      let count = (0..<200).count { limits.enter(one, now: Int64($0)) == .admitted }
      admitted.withLock { $0 += count }
    }
    #expect(admitted.withLock { $0 } == 500)
    try onThreads(5) { _ in for _ in 0..<100 { limits.leave(one) } }
    #expect(limits.addresses == 0)
  }
}
