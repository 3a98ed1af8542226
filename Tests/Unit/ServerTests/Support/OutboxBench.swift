import Reactor
import TestSupport
import WebSocket

@testable import Server

/// An outbox with its pool and a socket, and the bytes that must come out of it.
struct OutboxBench: ~Copyable {
  let pipe: NarrowPipe
  var outbox = Outbox()
  let pool = BufferPool()
  /// Everything that was put in, and everything that came out, in order.
  private(set) var appended: [UInt8] = []
  private(set) var received: [UInt8] = []
  private var next: UInt64 = 0

  init() throws {
    pipe = try NarrowPipe()
  }

  /// Puts a frame of `count` bytes in, unlike any other; one that is too short for a header has none.
  mutating func append(_ count: Int) {
    guard let payloadCount = [2, 4, 10].map({ count - $0 }).first(where: { $0 >= 0 && header($0) + $0 == count }) else {
      return appendBytes(count)
    }
    let frame = nextBytes(payloadCount).withUnsafeBytes { FrameEncoder.frame(.binary, payload: $0) }
    appended.insert(contentsOf: frame.withHeader { Array($0) }, at: appended.count - payloadCount)
    outbox.append(frame, pool: pool)
  }

  private func header(_ payloadCount: Int) -> Int { FrameEncoder.headerCount(for: payloadCount) }

  /// Puts bytes in that are no frame.
  mutating func appendBytes(_ count: Int) {
    outbox.append(Frame(unframed: nextBytes(count)), pool: pool)
  }

  private mutating func nextBytes(_ count: Int) -> [UInt8] {
    var generator = SplitMix64(seed: next)
    next += 1
    let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    appended += bytes
    return bytes
  }

  mutating func send() -> TransferResult {
    outbox.send(to: pipe.sender, pool: pool)
  }

  /// Takes up to `count` bytes from the other end.
  mutating func receive(_ count: Int) {
    received += pipe.receive(count)
  }

  /// Sends and receives until nothing waits any more, or nothing moves.
  mutating func drain() {
    while true {
      let before = received.count
      _ = send()
      receive(1 << 16)
      if received.count == before { return }
    }
  }

  /// Forgets what waits, here and there.
  mutating func removeAll() {
    outbox.removeAll(pool: pool)
    appended = Array(appended.prefix(received.count))
  }

  /// Whether everything arrived as it was put in.
  var isComplete: Bool { outbox.isEmpty && appended == received }
}
