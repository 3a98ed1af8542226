import Glibc
import Reactor
import WebSocket

/// What waits to be sent on one connection; holds memory only while something waits.
///
/// Small frames are copied one behind the other into a buffer of the loop's pool, so that however many messages a turn
/// brings they leave by one `send`. Large frames, and everything behind one, are held by reference.
struct Outbox: ~Copyable {
  /// From this size on a frame is held by reference: copying it would cost more than the bookkeeping.
  private static let largeFrame = 2048
  /// Frames held by reference that leave by one call.
  private static let maxFrames = 64

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

  /// Puts a frame after everything else.
  mutating func append(_ frame: Frame, pool: BufferPool) {
    count += frame.count
    if frames.isEmpty, frame.count < Self.largeFrame, makeRoom(for: frame.count, pool: pool), let buffer {
      frame.copy(to: buffer + Int(tail))
      tail += UInt32(frame.count)
      return
    }
    frames.append(frame)
  }

  private mutating func makeRoom(for count: Int, pool: BufferPool) -> Bool {
    let used = Int(tail - head)
    if Int(tail) + count > Int(size) {
      // A larger buffer, with what waits moved to its front.
      guard let larger = BufferPool.size(for: used + count) else { return false }
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
    return true
  }

  /// Sends by one call as much as the socket takes.
  mutating func send(to fd: Int32, pool: BufferPool) -> TransferResult {
    let result = frames.isEmpty ? sendBuffer(to: fd) : sendPieces(to: fd)
    if case .moved(let sent) = result { consume(sent, pool: pool) }
    return result
  }

  private func sendBuffer(to fd: Int32) -> TransferResult {
    guard let buffer else { return .wouldBlock }
    return Sys.send(fd, UnsafeRawBufferPointer(start: buffer + Int(head), count: Int(tail - head)))
  }

  private func sendPieces(to fd: Int32) -> TransferResult {
    withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2 * Self.maxFrames + 1) { pieces in
      withUnsafeTemporaryAllocation(of: Frame.Header.self, capacity: Self.maxFrames) { headers in
        var used = 0
        func add(_ bytes: UnsafeRawBufferPointer, from offset: Int = 0) {
          guard offset < bytes.count, let base = bytes.baseAddress else { return }
          let piece = Sys.piece(UnsafeMutableRawPointer(mutating: base + offset), count: bytes.count - offset)
          pieces.initializeElement(at: used, to: piece)
          used += 1
        }
        if let buffer { add(UnsafeRawBufferPointer(start: buffer + Int(head), count: Int(tail - head))) }
        var offset = frameOffset
        for (index, frame) in frames.prefix(Self.maxFrames).enumerated() {
          headers.initializeElement(at: index, to: frame.header)
          let header = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: headers[index...index]))
          add(UnsafeRawBufferPointer(rebasing: header[..<frame.headerCount]), from: offset)
          // `frames` keeps every payload alive during the call.
          frame.withPayload { add($0, from: max(0, offset - frame.headerCount)) }
          offset = 0
        }
        return Sys.send(fd, UnsafeMutableBufferPointer(rebasing: pieces[..<used]))
      }
    }
  }

  private mutating func consume(_ sent: Int, pool: BufferPool) {
    count -= sent
    let fromBuffer = min(sent, Int(tail - head))
    head += UInt32(fromBuffer)
    if head == tail { releaseBuffer(to: pool) }
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
  mutating func removeAll(pool: BufferPool) {
    releaseBuffer(to: pool)
    frames = []
    frameOffset = 0
    count = 0
  }

  private mutating func releaseBuffer(to pool: BufferPool) {
    guard let buffer else { return }
    pool.give(buffer, size: Int(size))
    self.buffer = nil
    size = 0
    head = 0
    tail = 0
  }
}
