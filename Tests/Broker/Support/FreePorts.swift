import Glibc
import Locks

/// TCP ports of 127.0.0.1 that nobody listens on, none of them twice.
enum FreePorts {
  /// Below those that the kernel gives to outgoing connections, which take one at any moment.
  private static let candidates: ClosedRange<UInt16> = 20_000...31_999
  private static let last = Lock<UInt16?>(nil)

  static func next() throws -> UInt16 {
    for _ in candidates {
      let port = last.withLock { last in
        // Other processes look for ports, too: hence each begins elsewhere.
        let next = last.map { candidates.contains($0 + 1) ? $0 + 1 : candidates.lowerBound } ?? .random(in: candidates)
        last = next
        return next
      }
      if isFree(port) { return port }
    }
    throw Failure("no free port from \(candidates.lowerBound) to \(candidates.upperBound)")
  }

  private static func isFree(_ port: UInt16) -> Bool {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard fd >= 0 else { return false }
    defer { close(fd) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
