/// How long to wait before the next attempt to connect: a random part of a span that doubles from half a second to 15 s.
///
/// Random over the whole span, so that the clients of a node that died do not come back all at once.
struct Backoff {
  private static let first: Int64 = 500
  private static let longest: Int64 = 15_000

  private var failures = 0

  mutating func next(using generator: inout some RandomNumberGenerator) -> Int64 {
    let span = min(Self.longest, Self.first << Int64(min(failures, 10)))
    failures += 1
    return Int64.random(in: 0...span, using: &generator)
  }

  mutating func reset() {
    failures = 0
  }
}
