import Model
import Reactor
import WebSocket

/// One connection of a client, on its loop: connect, handshake, frames, close.
final class ClientConnection: EventSource {
  private enum Phase {
    case connecting, handshaking, open, closed
  }

  /// What happens, for whoever made the connection.
  enum Event {
    case opened
    /// A whole text message.
    case text(String)
    /// The end; nil when we asked for it.
    case closed(ApusClientError?)
  }

  /// Milliseconds in which a connection must be made.
  private static let timeout: Int64 = 10_000
  private static let limits = FrameDecoder.Limits(maxMessageSize: 16 << 20, maxFragments: 4096)

  private let url: ClientURL
  private let loop: Loop
  private let onEvent: (Event) -> Void
  private let resolutions: Mailbox<Resolution>
  private var phase = Phase.connecting
  private var addresses: [SocketAddress] = []
  private var fd: Int32 = -1
  private var registration: Registration?
  private var handshake: ClientHandshake
  private var decoder = FrameDecoder(role: .client, limits: ClientConnection.limits)
  private var outgoing: [UInt8] = []
  private var isWatchingWrites = false
  private var random = SystemRandomNumberGenerator()

  init(_ url: ClientURL, on loop: Loop, _ onEvent: @escaping (Event) -> Void) {
    self.url = url
    self.loop = loop
    self.onEvent = onEvent
    handshake = ClientHandshake(nonce: (0..<16).map { _ in UInt8.random(in: 0...255) })
    resolutions = Mailbox(on: loop)
    resolutions.receive { [unowned self] in resolved($0.result) }
  }

  func start() {
    _ = loop.schedule(after: Self.timeout, source: self)
    if let address = SocketAddress(numericHost: url.host, port: url.port) {
      resolved(.success([address]))
    } else {
      Resolver.resolve(url.host, port: url.port, tag: 0, answer: resolutions)
    }
  }

  func send(_ text: String) {
    guard phase == .open else { return }
    var text = text
    text.withUTF8 { write(.text, UnsafeRawBufferPointer($0)) }
  }

  func close() {
    if phase == .open {
      FrameEncoder.closePayload(.normal).withUnsafeBytes { write(.close, $0) }
      flush()
    }
    end(nil)
  }

  // MARK: Connecting

  private func resolved(_ result: Result<[SocketAddress], ResolveError>) {
    switch result {
    case .success(let found):
      addresses = found
      connectToNext(ApusClientError("The host \(url.host) has no address."))
    case .failure(let error): end(ApusClientError("\(url.host): \(error)."))
    }
  }

  private func connectToNext(_ failure: ApusClientError) {
    guard phase == .connecting else { return }
    guard !addresses.isEmpty else { return end(failure) }
    let address = addresses.removeFirst()
    do {
      fd = try Sys.connect(to: address)
      Sys.disableNagle(fd)
      registration = try loop.add(fd, .writable, source: self)
    } catch {
      release()
      connectToNext(ApusClientError("\(address): \(error)."))
    }
  }

  private func connected() {
    let error = Sys.socketError(fd)
    guard error == 0 else {
      release()
      return connectToNext(
        ApusClientError("\(url.authority): \(SystemError("connect", errno: error)). Does a node run there?"))
    }
    phase = .handshaking
    if let registration { loop.modify(registration, fd: fd, .readable) }
    outgoing = handshake.request(url)
    flush()
  }

  // MARK: Events of the loop

  func ready(_ readiness: Readiness, key: UInt32) {
    switch phase {
    case .connecting: connected()
    case .handshaking, .open:
      if readiness.contains(.writable) { flush() }
      receive()
    case .closed: break
    }
  }

  func expired(key: UInt32) {
    if phase != .open, phase != .closed { end(ApusClientError("\(url.authority): no answer within 10 s.")) }
  }

  private func receive() {
    switch Sys.receive(fd, into: loop.receiveBuffer) {
    case .wouldBlock: break
    case .ended: end(ApusClientError("The node ended the connection."))
    case .failed(let error): end(ApusClientError("The connection broke: \(SystemError("recv", errno: error))."))
    case .moved(let count):
      let bytes = UnsafeMutableRawBufferPointer(rebasing: loop.receiveBuffer[..<count])
      phase == .handshaking ? continueHandshake(bytes) : take(bytes)
    }
  }

  private func continueHandshake(_ bytes: UnsafeMutableRawBufferPointer) {
    switch handshake.receive(UnsafeRawBufferPointer(bytes)) {
    case .incomplete: break
    case .refused(let error): end(error)
    case .accepted(var rest):
      phase = .open
      onEvent(.opened)
      rest.withUnsafeMutableBytes { take($0) }
    }
  }

  private func take(_ bytes: UnsafeMutableRawBufferPointer) {
    var rest = bytes
    while phase == .open, let event = decoder.next(&rest) {
      switch event {
      case .text(let text): onEvent(.text(String(decoding: text, as: UTF8.self)))
      // Compression is never offered, so no frame is compressed.
      case .binary, .compressed, .pong: break
      case .ping(let payload): write(.pong, payload)
      case .close(let code, let reason):
        FrameEncoder.closePayload(code).withUnsafeBytes { write(.close, $0) }
        flush()
        let words = String(decoding: reason, as: UTF8.self)
        end(ApusClientError("The node closed the connection (\(code ?? .noStatus)). \(words)"))
      case .violation(_, let reason): end(ApusClientError("What the node sent is no WebSocket: \(reason)."))
      }
    }
  }

  // MARK: Sending

  private func write(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) {
    outgoing += FrameEncoder.masked(opcode, payload: payload, key: UInt32.random(in: .min ... .max, using: &random))
    flush()
  }

  private func flush() {
    while !outgoing.isEmpty {
      switch outgoing.withUnsafeBytes({ Sys.send(fd, $0) }) {
      case .moved(let count): outgoing.removeFirst(count)
      case .wouldBlock, .ended: return watchWrites(true)
      case .failed(let error):
        return end(ApusClientError("The connection broke: \(SystemError("send", errno: error))."))
      }
    }
    watchWrites(false)
  }

  private func watchWrites(_ wanted: Bool) {
    guard wanted != isWatchingWrites, let registration else { return }
    isWatchingWrites = wanted
    loop.modify(registration, fd: fd, wanted ? [.readable, .writable] : .readable)
  }

  // MARK: The end

  private func end(_ error: ApusClientError?) {
    guard phase != .closed else { return }
    phase = .closed
    release()
    onEvent(.closed(error))
  }

  private func release() {
    if let registration { loop.remove(registration, fd: fd) }
    registration = nil
    if fd >= 0 { Sys.close(fd) }
    fd = -1
  }
}

@available(*, unavailable)
extension ClientConnection: Sendable {}
