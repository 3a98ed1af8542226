import Glibc
import Reactor
import Testing

/// Two connected, non-blocking sockets that hold only a little between them; closed with their owner.
final class NarrowPipe {
  let sender: Int32
  let receiver: Int32
  private var isReceiverOpen = true

  init() throws {
    var pair: [Int32] = [-1, -1]
    let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    try #require(socketpair(AF_UNIX, flags, 0, &pair) == 0)
    (sender, receiver) = (pair[0], pair[1])
    // The kernel takes the least it allows, a few kilobytes.
    var size: Int32 = 1
    try #require(setsockopt(sender, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size)) == 0)
  }

  deinit {
    Sys.close(sender)
    closeReceiver()
  }

  func closeReceiver() {
    if isReceiverOpen { Sys.close(receiver) }
    isReceiverOpen = false
  }

  /// Up to `count` bytes of what has arrived.
  func receive(_ count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    guard case .moved(let received) = bytes.withUnsafeMutableBytes({ Sys.receive(receiver, into: $0) }) else {
      return []
    }
    return Array(bytes[..<received])
  }
}
