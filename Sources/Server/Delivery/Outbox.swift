import Glibc
import Model
import Reactor

/// What waits to be sent on one connection; holds memory only while something waits.
///
/// Small frames are copied one behind the other into a buffer of the loop's pool, so that however many messages a turn
/// brings they leave by one `send`. Large frames, and everything behind one, are held by reference.
struct Outbox: ~Copyable {
  /// From this size on a frame is held by reference: copying it would cost more than the bookkeeping.
  private static let largeFrame = 2048
  /// Frames held by reference that leave by one call.
  private static let maxPieces = 64

  private var buffer: UnsafeMutableRawPointer?
  private var size: UInt32 = 0
  private var head: UInt32 = 0
  private var tail: UInt32 = 0
  private var frames: [Frame] = []
  /// How much of the first frame is sent.
  private var frameOffset = 0
  /// Everything that waits, in bytes.
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  /// Puts a frame, whose bytes are `bytes`, behind everything else.
  mutating func append(_ frame: Frame, _ bytes: UnsafeRawBufferPointer, pool: inout BufferPool) {
    count += bytes.count
    if frames.isEmpty, bytes.count < Self.largeFrame, copy(bytes, pool: &pool) { return }
    frames.append(frame)
  }

  /// Puts bytes that are no frame (the answer to a handshake) behind everything else.
  mutating func append(_ bytes: [UInt8], pool: inout BufferPool) {
    bytes.withUnsafeBytes { bytes in
      let frame = Frame.make(headerCount: 0, payloadCount: bytes.count) { $0.copyMemory(from: bytes) }
      frame.withBytes { append(frame, $0, pool: &pool) }
    }
  }

  private mutating func copy(_ bytes: UnsafeRawBufferPointer, pool: inout BufferPool) -> Bool {
    let used = Int(tail - head)
    if Int(tail) + bytes.count > Int(size) {
      // A larger buffer, with what waits moved to its front.
      guard let larger = BufferPool.size(for: used + bytes.count) else { return false }
      let moved = pool.take(size: larger)
      if let buffer {
        moved.copyMemory(from: buffer + Int(head), byteCount: used)
        pool.give(buffer, size: Int(size))
      }
      buffer = moved
      size = UInt32(larger)
      head = 0
      tail = UInt32(used)
    }
    guard let buffer, let source = bytes.baseAddress else { return true }
    (buffer + Int(tail)).copyMemory(from: source, byteCount: bytes.count)
    tail += UInt32(bytes.count)
    return true
  }

  /// Sends by one call as much as the socket takes.
  mutating func send(to fd: Int32, pool: inout BufferPool) -> TransferResult {
    let result = frames.isEmpty ? sendBuffer(to: fd) : sendPieces(to: fd)
    if case .moved(let sent) = result { consume(sent, pool: &pool) }
    return result
  }

  private func sendBuffer(to fd: Int32) -> TransferResult {
    guard let buffer else { return .wouldBlock }
    return Sys.send(fd, UnsafeRawBufferPointer(start: buffer + Int(head), count: Int(tail - head)))
  }

  private func sendPieces(to fd: Int32) -> TransferResult {
    withUnsafeTemporaryAllocation(of: iovec.self, capacity: Self.maxPieces + 1) { pieces in
      var used = 0
      if let buffer, tail > head {
        pieces.initializeElement(at: 0, to: Sys.piece(buffer + Int(head), count: Int(tail - head)))
        used = 1
      }
      for (index, frame) in frames.prefix(Self.maxPieces).enumerated() {
        frame.withBytes { bytes in
          let offset = index == 0 ? frameOffset : 0
          let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress.map { $0 + offset })
          pieces.initializeElement(at: used, to: Sys.piece(base, count: bytes.count - offset))
        }
        used += 1
      }
      // `frames` keeps every piece alive during the call.
      return Sys.send(fd, UnsafeMutableBufferPointer(rebasing: pieces[..<used]))
    }
  }

  private mutating func consume(_ sent: Int, pool: inout BufferPool) {
    count -= sent
    let fromBuffer = min(sent, Int(tail - head))
    head += UInt32(fromBuffer)
    if head == tail { releaseBuffer(to: &pool) }
    var rest = sent - fromBuffer
    var whole = 0
    while rest > 0, whole < frames.count {
      let left = frames[whole].count - frameOffset
      guard rest >= left else {
        frameOffset += rest
        break
      }
      rest -= left
      frameOffset = 0
      whole += 1
    }
    if whole == frames.count { frames = [] } else { frames.removeFirst(whole) }
  }

  /// Forgets everything that waits.
  mutating func removeAll(pool: inout BufferPool) {
    releaseBuffer(to: &pool)
    frames = []
    frameOffset = 0
    count = 0
  }

  private mutating func releaseBuffer(to pool: inout BufferPool) {
    guard let buffer else { return }
    pool.give(buffer, size: Int(size))
    self.buffer = nil
    size = 0
    head = 0
    tail = 0
  }
}
