/// How long to wait before the next attempt to connect: exponential, with full jitter.
///
/// Nodes that lost the same server together come back spread out, not together.
package struct Backoff: Sendable {
  /// The shortest and the longest wait, in milliseconds.
  package static let range = 50...1000

  /// The next wait's upper bound, in milliseconds.
  private var ceiling = Self.firstCeiling
  private static let firstCeiling = range.lowerBound * 2

  package init() {}

  /// The next wait in milliseconds: uniformly from the shortest to a bound that doubles each time, up to the longest.
  package mutating func next(using generator: inout some RandomNumberGenerator) -> Int {
    defer { ceiling = min(ceiling * 2, Self.range.upperBound) }
    return Int.random(in: Self.range.lowerBound...ceiling, using: &generator)
  }

  /// Begins anew, after an attempt went well.
  package mutating func reset() {
    ceiling = Self.firstCeiling
  }
}
