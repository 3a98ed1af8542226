import Model
import TestSupport
import Testing

@Suite struct AddressBlockTests {
  private func contains(_ block: String, _ address: String) throws -> Bool {
    try #require(AddressBlock(block)).contains(#require(IPAddress(address)))
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.0.0.0"), ("10.0.0.0/8", "10.255.255.255"), ("10.1.2.3/8", "10.9.9.9"),
    ("192.168.4.0/22", "192.168.7.255"), ("172.16.0.0/12", "172.31.0.1"), ("10.0.0.0/31", "10.0.0.1"),
    ("10.0.0.1/32", "10.0.0.1"), ("10.0.0.1", "10.0.0.1"), ("0.0.0.0/0", "0.0.0.0"), ("0.0.0.0/0", "255.255.255.255"),
    ("128.0.0.0/1", "128.0.0.0"), ("10.0.0.0/8", "::ffff:10.1.1.1"), ("fd00::/8", "fdff::1"), ("fd12::34/8", "fd99::"),
    ("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff"), ("2001:db8::/65", "2001:db8::7fff:ffff:ffff:ffff"),
    ("2001:db8::1/128", "2001:db8::1"), ("2001:db8::1", "2001:db8::1"), ("::/0", "::"), ("::/0", "::1"),
    ("::/0", "ffff::"),
    ("::1", "::1"), ("::ffff:10.0.0.0/104", "10.9.9.9"), ("::ffff:10.0.0.1", "10.0.0.1"), ("::ffff:0:0/96", "1.2.3.4"),
  ])
  func inside(_ block: String, _ address: String) throws {
    #expect(try contains(block, address))
  }

  @Test(arguments: [
    ("10.0.0.0/8", "11.0.0.0"), ("10.0.0.0/8", "9.255.255.255"), ("192.168.4.0/22", "192.168.8.0"),
    ("172.16.0.0/12", "172.32.0.0"), ("10.0.0.0/31", "10.0.0.2"), ("10.0.0.1/32", "10.0.0.0"), ("10.0.0.1", "10.0.0.2"),
    ("128.0.0.0/1", "127.255.255.255"), ("fd00::/8", "fc00::1"), ("2001:db8::/64", "2001:db8:0:1::"),
    ("2001:db8::/65", "2001:db8::8000:0:0:0"), ("2001:db8::1/128", "2001:db8::2"), ("2001:db8::1", "2001:db8::"),
  ])
  func outside(_ block: String, _ address: String) throws {
    #expect(try !contains(block, address))
  }

  /// The bits of `::ffff:10.0.0.1` begin as those of the blocks do: still it is no address of IPv6.
  @Test(arguments: [
    ("::/0", "10.0.0.1"), ("::/0", "::ffff:10.0.0.1"), ("::/64", "10.0.0.1"), ("::/80", "10.0.0.1"),
    ("::ffff:0:0/95", "10.0.0.1"), ("::ffff:10.0.0.1/8", "10.0.0.1"), ("0.0.0.0/0", "::"), ("0.0.0.0/0", "::1"),
    ("0.0.0.0/0", "ffff::"), ("10.0.0.0/8", "a00::"), ("10.0.0.1", "::10.0.0.1"),
  ])
  func neitherFamilyIsInBlocksOfTheOther(_ block: String, _ address: String) throws {
    #expect(try !contains(block, address))
  }

  @Test(arguments: [
    "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/128", "10.0.0.0/-1", "10.0.0.0/-0", "10.0.0.0/+8",
    "10.0.0.0/08",
    "10.0.0.0/00", "10.0.0.0/ 8", "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0 /8", "10.0.0.0/8/8", "10.0.0.0//8",
    "10.0.0.0/8x",
    "10.0.0.0/x", "10.0.0.0/0x8", "10.0.0.0/٨", "10.0.0.0/99999999999999999999", "10.0.0.0/255.0.0.0", "10.0.0/8",
    "10/8",
    "10.0.0.0/8\0", "fd00::/129", "fd00::/-1", "fd00::/", "[fd00::]/8", "fe80::%lo/64", "localhost", "localhost/8", "*",
  ])
  func whatIsNoBlock(_ text: String) {
    #expect(AddressBlock(text) == nil)
  }

  @Test func bitsBehindThePrefixCountForNothing() {
    #expect(AddressBlock("10.1.2.3/8") == AddressBlock("10.0.0.0/8"))
    #expect(AddressBlock("fd00:1::2/8") == AddressBlock("fdff::/8"))
    #expect(AddressBlock("10.0.0.1") == AddressBlock("10.0.0.1/32"))
    #expect(AddressBlock("::1") == AddressBlock("::1/128"))
    #expect(AddressBlock("10.0.0.0/8") != AddressBlock("10.0.0.0/9"))
    #expect(AddressBlock("0.0.0.0/0") != AddressBlock("::/0"))
  }

  // MARK: Against a comparison bit by bit

  private struct Host {
    var bytes: [UInt8]
    var isIPv4: Bool { bytes.count == 4 }
    var bits: [Bool] { bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 == 1 } } }

    var text: String {
      if isIPv4 { return bytes.map { String($0) }.joined(separator: ".") }
      return stride(from: 0, to: 16, by: 2).map { String(Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]), radix: 16) }
        .joined(separator: ":")
    }
  }

  @Test(arguments: UInt64(0)..<16)
  func agreesWithBits(_ seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    var inside = 0
    for _ in 0..<500 {
      let base = Host(bytes: generator.bytes(Bool.random(using: &generator) ? 4 : 16))
      let length = Int.random(in: 0...base.bits.count, using: &generator)
      // Differs in one bit, so that the end of the prefix is what decides.
      var other = base
      let bit = Int.random(in: 0..<base.bits.count, using: &generator)
      other.bytes[bit / 8] ^= 1 << (7 - bit % 8)
      let isInside = base.bits.prefix(length) == other.bits.prefix(length)
      #expect(try contains("\(base.text)/\(length)", base.text))
      #expect(try contains("\(base.text)/\(length)", other.text) == isInside, "\(base.text)/\(length) \(other.text)")
      if isInside { inside += 1 }
    }
    #expect(inside > 100 && inside < 400, "seed \(seed)")
  }
}
