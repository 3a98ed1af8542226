import Glibc
import Reactor
import Testing

/// Two connected, non-blocking stream sockets, closed with their owner.
package final class SocketPair {
  package let near: Int32
  package let far: Int32
  private var isFarOpen = true

  package init() throws {
    var pair: [Int32] = [-1, -1]
    let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    try #require(socketpair(AF_UNIX, flags, 0, &pair) == 0)
    (near, far) = (pair[0], pair[1])
  }

  deinit {
    Sys.close(near)
    closeFar()
  }

  package func closeFar() {
    if isFarOpen { Sys.close(far) }
    isFarOpen = false
  }

  /// Sends from the far end, so that the near one becomes readable.
  package func sendFromFar(_ text: String) {
    _ = Array(text.utf8).withUnsafeBytes { Sys.send(far, $0) }
  }

  /// Everything that the near end has received; nil when there is nothing.
  package func receiveAtNear() -> String? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    guard case .moved(let count) = bytes.withUnsafeMutableBytes({ Sys.receive(near, into: $0) }) else { return nil }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}
