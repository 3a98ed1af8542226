import Glibc
import LoopTestSupport
import Reactor
import Testing

@Suite struct SystemCallTests {
  private func receive(_ fd: Int32, peek: Bool = false) -> (TransferResult, String) {
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
      let result = Sys.receive(fd, into: buffer, peek: peek)
      guard case .moved(let count) = result else { return (result, "") }
      return (result, String(decoding: buffer[..<count], as: UTF8.self))
    }
  }

  private func send(_ fd: Int32, _ text: String) -> TransferResult {
    Array(text.utf8).withUnsafeBytes { Sys.send(fd, $0) }
  }

  @Test func movesBytes() throws {
    let pair = try SocketPair()
    #expect(receive(pair.near) == (.wouldBlock, ""))
    #expect(send(pair.far, "hello") == .moved(5))
    #expect(receive(pair.near, peek: true) == (.moved(5), "hello"))
    #expect(receive(pair.near) == (.moved(5), "hello"), "peeking takes nothing")
    #expect(receive(pair.near) == (.wouldBlock, ""))
  }

  @Test func sendsPiecesByOneCall() throws {
    let pair = try SocketPair()
    var (one, two) = (Array("one".utf8), Array("two".utf8))
    let result = one.withUnsafeMutableBytes { one in
      two.withUnsafeMutableBytes { two in
        var pieces = [
          Sys.piece(one.baseAddress, count: 3), Sys.piece(nil, count: 0), Sys.piece(two.baseAddress, count: 3),
        ]
        return pieces.withUnsafeMutableBufferPointer { Sys.send(pair.far, $0) }
      }
    }
    #expect(result == .moved(6))
    #expect(receive(pair.near) == (.moved(6), "onetwo"))
  }

  @Test func aFullSocketWouldBlock() throws {
    let pair = try SocketPair()
    let block = [UInt8](repeating: 0, count: 65_536)
    var sent = 0
    while case .moved(let count) = block.withUnsafeBytes({ Sys.send(pair.far, $0) }) { sent += count }
    #expect(sent > 0)
    #expect(send(pair.far, "x") == .wouldBlock)
  }

  @Test func theEndIsReadAfterEverythingElse() throws {
    let pair = try SocketPair()
    #expect(send(pair.far, "bye") == .moved(3))
    Sys.shutdownWriting(pair.far)
    #expect(receive(pair.near) == (.moved(3), "bye"))
    #expect(receive(pair.near) == (.ended, ""))
    #expect(send(pair.near, "you too") == .moved(7), "the other direction is open")
  }

  @Test func sendingToWhoHasGoneIsAnErrorAndNoSignal() throws {
    let pair = try SocketPair()
    pair.closeFar()
    #expect(send(pair.near, "x") == .failed(errno: EPIPE))
    #expect(send(-1, "x") == .failed(errno: EBADF))
    #expect(receive(-1).0 == .failed(errno: EBADF))
  }

  @Test func errorsNameTheCallAndTheReason() throws {
    #expect(SystemError("bind", errno: EADDRINUSE).description == "bind: Address already in use")
    #expect(SystemError("bind", errno: 1) == SystemError("bind", errno: 1))
    #expect(SystemError("bind", errno: 1) != SystemError("listen", errno: 1))
    let folder = try TemporaryFolder()
    let address = try #require(SocketAddress(unixPath: folder.path + "/nobody"))
    let error = #expect(throws: SystemError.self) { try Sys.connect(to: address) }
    #expect(error == SystemError("connect", errno: ENOENT))
  }

  @Test func clocks() {
    let microseconds = Sys.monotonicMicroseconds()
    #expect(Sys.monotonicMicroseconds() >= microseconds)
    #expect(Sys.wallMilliseconds() > 1_700_000_000_000)
    #expect(Sys.usableProcessors() >= 1)
  }
}
