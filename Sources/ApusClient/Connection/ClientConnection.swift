import Model
import Reactor
import TLS
import WebSocket

/// One connection to a node, on a loop: connect, TLS where the URL has it, handshake, frames, close.
package final class ClientConnection: EventSource {
  private enum Phase {
    case connecting, securing, handshaking, open, closed
  }

  /// What happens, for whoever made the connection.
  package enum Event {
    case opened
    /// A whole text message, lent.
    case text(UnsafeRawBufferPointer)
    /// A whole binary message, lent.
    case binary(UnsafeRawBufferPointer)
    /// Something else that shows the node to be alive.
    case heard
    /// The end; nothing follows. Not told after `close`.
    case ended(ConnectionLoss)
  }

  /// Milliseconds in which a connection to one address must be made.
  private static let timeout: Int64 = 10_000
  private static let limits = FrameDecoder.Limits(maxMessageSize: 16 << 20, maxFragments: 4096)

  private let url: ClientURL
  private let token: ClientToken?
  private let loop: Loop
  /// The local address, nil for the kernel's choice.
  private let source: SocketAddress?
  private let onEvent: (Event) -> Void
  private var phase = Phase.connecting
  /// Those of the host that were not tried yet.
  private var addresses: [SocketAddress]
  /// The socket until it is connected; -1 before and after.
  private var fd: Int32 = -1
  /// The connected socket.
  private var stream: ByteStream?
  private var registration: Registration?
  private var timer: TimerID?
  /// Nil once it is over.
  private var handshake: ClientHandshake?
  private var decoder = FrameDecoder(role: .client, limits: ClientConnection.limits)
  private var outgoing: [UInt8] = []
  private var wantsWrite = false
  private var isPaused = false
  /// Whether nothing can be sent any more.
  private var isBroken = false
  private var random = SystemRandomNumberGenerator()

  /// A connection to the first of the host's addresses that can be connected to; `start` begins it.
  package init(
    _ url: ClientURL, token: ClientToken? = nil, at addresses: [SocketAddress], from source: SocketAddress? = nil,
    on loop: Loop, _ onEvent: @escaping (Event) -> Void
  ) {
    self.url = url
    self.token = token
    self.addresses = addresses
    self.loop = loop
    self.source = source
    self.onEvent = onEvent
  }

  package func start() {
    connectToNext("The host \(url.host) has no address.")
  }

  /// Sends one text message; does nothing unless the connection is open.
  package func send(_ text: String) {
    var text = text
    text.withUTF8 { send(UnsafeRawBufferPointer($0)) }
  }

  /// Sends one text message of valid UTF-8; does nothing unless the connection is open.
  package func send(_ text: UnsafeRawBufferPointer) {
    guard phase == .open else { return }
    write(.text, text)
  }

  /// Bytes that wait for room in the socket.
  package var pendingBytes: Int { outgoing.count }

  /// Reads nothing until `resume`; what was read already still arrives.
  package func pause() {
    isPaused = true
    watch()
  }

  package func resume() {
    isPaused = false
    watch()
  }

  /// Says goodbye and ends; nothing more is told.
  package func close() {
    let wasOpen = phase == .open
    phase = .closed
    if wasOpen { sayGoodbye(.normal) }
    release()
  }

  // MARK: Connecting

  private func connectToNext(_ failure: String) {
    guard phase == .connecting else { return }
    guard !addresses.isEmpty else { return end(.broken(failure)) }
    let address = addresses.removeFirst()
    if let timer { loop.cancel(timer) }
    timer = loop.schedule(after: Self.timeout, source: self)
    do {
      fd = try Sys.connect(to: address, from: source)
      Sys.disableNagle(fd)
      registration = try loop.add(fd, .writable, source: self)
    } catch {
      connectToNext(after: "\(address): \(error).")
    }
  }

  /// Goes on with the other addresses of the host.
  private func connectToNext(after failure: String) {
    forgetSocket()
    phase = .connecting
    connectToNext(failure)
  }

  private func connected() {
    let error = Sys.socketError(fd)
    guard error == 0 else {
      return connectToNext(
        after: "\(url.authority): \(SystemError("connect", errno: error)). Does a node run there?")
    }
    guard let stream = stream(over: fd) else { return }
    self.stream = stream
    fd = -1
    phase = .securing
    secure(stream)
  }

  /// Nil where that has ended the connection.
  private func stream(over fd: Int32) -> ByteStream? {
    guard url.isSecure else { return ByteStream(fd: fd) }
    switch ClientTrust.system {
    case .success(let context):
      if let stream = ByteStream(fd: fd, in: context, to: url.host) { return stream }
      end(.broken("There is no memory for a connection."))
    case .failure(let error): end(.refused("TLS cannot be used: \(error).", retryAfter: nil))
    }
    return nil
  }

  /// Goes on with the handshake of TLS, which a plain stream has none of.
  private func secure(_ stream: ByteStream) {
    switch stream.handshake() {
    case .waiting(let interest): if let registration { loop.modify(registration, fd: stream.fd, interest) }
    case .failed(let failure): connectToNext(after: "\(url.authority): \(failure.advice).")
    case .done:
      phase = .handshaking
      let handshake = ClientHandshake(nonce: (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) })
      self.handshake = handshake
      watch()
      outgoing = handshake.request(url, token: token)
      flush()
    }
  }

  // MARK: Events of the loop

  package func ready(_ readiness: Readiness, key: UInt32) {
    switch phase {
    case .connecting: connected()
    case .securing: if let stream { secure(stream) }
    case .handshaking, .open:
      if readiness.contains(.writable) { flush() }
      if readiness.wantsReading || stream?.interest == .writable { receive() }
    case .closed: break
    }
  }

  package func expired(key: UInt32) {
    timer = nil
    let words = "\(url.authority): no answer within 10 s."
    switch phase {
    case .connecting where !addresses.isEmpty, .securing where !addresses.isEmpty: connectToNext(after: words)
    case .connecting, .securing, .handshaking: end(.broken(words))
    case .open, .closed: break
    }
  }

  private func receive() {
    guard phase != .closed, let stream else { return }
    let interest = stream.interest
    let transfer = stream.receive(into: loop.receiveBuffer)
    if stream.interest != interest { watch() }
    switch transfer {
    case .wouldBlock: break
    case .ended: end(.broken("The node ended the connection.\(hint)"))
    case .failed(let failure): end(.broken("The connection broke: \(failure.advice).\(hint)"))
    case .moved(let count):
      let bytes = UnsafeMutableRawBufferPointer(rebasing: loop.receiveBuffer[..<count])
      phase == .handshaking ? continueHandshake(bytes) : take(bytes)
    }
  }

  /// A port with TLS may end a plain connection without a word.
  private var hint: String {
    phase == .handshaking && !url.isSecure ? " If this port speaks TLS, use wss://." : ""
  }

  private func continueHandshake(_ bytes: UnsafeMutableRawBufferPointer) {
    switch handshake?.receive(UnsafeRawBufferPointer(bytes)) {
    case .incomplete, nil: break
    case .refused(let loss): end(loss)
    case .accepted(var rest):
      handshake = nil
      if let timer { loop.cancel(timer) }
      timer = nil
      phase = .open
      watch()
      onEvent(.opened)
      rest.withUnsafeMutableBytes { take($0) }
    }
  }

  private func take(_ bytes: UnsafeMutableRawBufferPointer) {
    var rest = bytes
    while phase == .open, let event = decoder.next(&rest) {
      switch event {
      case .text(let text): onEvent(.text(text))
      // Compression is never offered, so no frame is compressed.
      case .compressed, .pong: onEvent(.heard)
      case .binary(let bytes): onEvent(.binary(bytes))
      case .ping(let payload):
        write(.pong, payload)
        onEvent(.heard)
      case .close(let code, let reason):
        let loss = ConnectionLoss.closed(code ?? .noStatus, reason: String(decoding: reason, as: UTF8.self))
        sayGoodbye(code)
        end(loss)
      case .violation(_, let reason): end(.broken("The node broke the WebSocket protocol: \(reason)."))
      }
    }
  }

  // MARK: Sending

  private func write(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) {
    guard !isBroken else { return }
    append(opcode, payload)
    if !wantsWrite { flush() }
  }

  private func append(_ opcode: Opcode, _ payload: UnsafeRawBufferPointer) {
    outgoing += FrameEncoder.masked(opcode, payload: payload, key: UInt32.random(in: .min ... .max, using: &random))
  }

  /// A close frame, as far as the socket takes it at once: nothing depends on its arrival.
  private func sayGoodbye(_ code: CloseCode?) {
    guard !isBroken, let stream else { return }
    FrameEncoder.closePayload(code).withUnsafeBytes { append(.close, $0) }
    _ = outgoing.withUnsafeBytes { stream.send($0) }
  }

  private func flush() {
    while !outgoing.isEmpty, let stream {
      switch outgoing.withUnsafeBytes({ stream.send($0) }) {
      case .moved(let count) where count == outgoing.count: outgoing.removeAll(keepingCapacity: true)
      case .moved(let count): outgoing.removeFirst(count)
      case .wouldBlock, .ended: return wantWrite(true)
      case .failed:
        // What the node has said before may still be there to be read, and is followed by the end.
        isBroken = true
        outgoing = []
      }
    }
    wantWrite(false)
  }

  private func wantWrite(_ wanted: Bool) {
    guard wanted != wantsWrite else { return }
    wantsWrite = wanted
    watch()
  }

  private func watch() {
    guard let registration, let stream, phase == .handshaking || phase == .open else { return }
    // The handshake is not the program's.
    var interest: Readiness = isPaused && phase == .open ? [] : stream.interest
    if wantsWrite { interest.insert(.writable) }
    loop.modify(registration, fd: stream.fd, interest)
  }

  // MARK: The end

  private func end(_ loss: ConnectionLoss) {
    guard phase != .closed else { return }
    phase = .closed
    release()
    onEvent(.ended(loss))
  }

  private func release() {
    if let timer { loop.cancel(timer) }
    timer = nil
    forgetSocket()
  }

  private func forgetSocket() {
    if let registration { loop.remove(registration, fd: stream?.fd ?? fd) }
    registration = nil
    stream?.close()
    stream = nil
    if fd >= 0 { Sys.close(fd) }
    fd = -1
  }
}

@available(*, unavailable)
extension ClientConnection: Sendable {}
