import Reactor

/// Which local address a connection is made from: one address has some 28,000 ports for one destination.
struct SourceAddresses {
  /// How many connections one address is given; fewer than Linux has ports for one by default (32768 to 60999).
  static let connectionsPerAddress = 20_000

  private let addresses: [SocketAddress]
  private let isGiven: Bool

  /// The addresses that were asked for; none means the usual one, and on loopback as many others as it takes.
  init(_ given: [SocketAddress], destination: String) {
    isGiven = !given.isEmpty
    let isLoopback = destination.hasPrefix("127.") || destination == "localhost"
    addresses =
      isGiven || !isLoopback
      ? given : (2...254).compactMap { SocketAddress(numericHost: "127.0.0.\($0)", port: 0) }
  }

  /// Where the `index`-th connection comes from; nil for the kernel's choice.
  func address(of index: Int) -> SocketAddress? {
    if isGiven { return addresses[index % addresses.count] }
    let turn = index / Self.connectionsPerAddress - 1
    return turn < 0 || addresses.isEmpty ? nil : addresses[turn % addresses.count]
  }
}
