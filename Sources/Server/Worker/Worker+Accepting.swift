import Hub
import Logging
import Model
import Protocol
import Reactor
import WebSocket

/// From accept to the 101, or away to the HTTP side.
extension Worker {
  func accepted(_ fd: Int32, from address: IPAddress?) {
    guard let place = takePlace() else { return Sys.close(fd) }
    let isBeyond = place.isBeyond
    let slot = connections.insert(fd: fd)
    let connection = connections[slot]
    connection.pointee.place = consume place
    connection.pointee.isBeyondRoom = isBeyond
    connection.pointee.address = address
    do {
      // Edge-triggered: while the request line is incomplete it stays unread, and each new part is told once.
      connection.pointee.registration = try loop.add(
        fd, [.readable, .peerClosed, .edgeTriggered], source: self, key: slot)
    } catch {
      Sys.close(fd)
      connections.remove(slot)
      return
    }
    if isBeyond {
      tellFull()
      reception.visitors.removeAll { !connections.contains($0.session) }
      reception.visitors.append(Visitor(session: connections.id(slot)))
    }
    schedule(slot, after: isBeyond ? ServerConfiguration.beyondRoomTimeout : ServerConfiguration.handshakeTimeout)
  }

  /// A place for a new connection, if need be that of a visitor; nil when it is turned away.
  private func takePlace() -> Place? {
    if let place = services.room.enter() { return place }
    tellFull()
    let hasEnded = endVisitor()
    if let place = services.room.enter() { return place }
    count(limit: .descriptors)
    // The next one may find a place that a visitor of another loop has had.
    if !hasEnded { services.room.callForPlaces(now: loop.now) }
    return nil
  }

  /// Ends the oldest connection beyond the room that has not said anything or was answered: who asks how the node is says so at
  /// once, and must not find the places taken by those who do not. Returns whether there was one.
  @discardableResult
  func endVisitor() -> Bool {
    reception.visitors.removeAll { !connections.contains($0.session) }
    guard let visitor = reception.visitors.first(where: isDone) else { return false }
    let slot = visitor.session.slot
    if connections[slot].pointee.phase == .peeking { count(limit: .descriptors) }
    end(slot)
    return true
  }

  private func isDone(_ visitor: Visitor) -> Bool {
    let connection = connections[visitor.session.slot]
    switch connection.pointee.phase {
    // What has come in this very turn may not have been looked at yet.
    case .peeking: return !connection.pointee.isQueued && (visitor.hasSpoken || !Sys.hasInput(connection.pointee.fd))
    case .ending: return connection.pointee.outbox.isEmpty
    case .free, .handshaking, .open: return false
    }
  }

  private func tellFull() {
    guard services.room.isTimeToTell(now: loop.now) else { return }
    services.logger.warning(
      "the node is full and refuses connections: raise the limit of open files (ulimit -n)",
      metadata: ["room": "\(services.room.limit)"])
  }

  /// Looks at the first bytes of a connection without taking them; `isOver`: no more will come.
  func peek(_ slot: UInt32, isOver: Bool) {
    let fd = connections[slot].pointee.fd
    let window = UnsafeMutableRawBufferPointer(rebasing: loop.receiveBuffer[..<ServerConfiguration.maxHeadSize])
    switch Sys.receive(fd, into: window, peek: true) {
    case .wouldBlock: return
    case .ended, .failed: return end(slot)
    case .moved(let count):
      let bytes = UnsafeRawBufferPointer(rebasing: window[..<count])
      let isBeyondRoom = connections[slot].pointee.isBeyondRoom
      if isBeyondRoom, let index = reception.visitors.firstIndex(where: { $0.session.slot == slot }) {
        reception.visitors[index].hasSpoken = true
      }
      switch RequestLine.peek(bytes) {
      case .path(let path) where isBeyondRoom && !ServerConfiguration.healthPaths.contains(path):
        self.count(limit: .descriptors)
        refuse(slot, .full(retryAfter: 5), isHead: RequestLine.isHead(bytes))
      case .path(let path) where configuration.endpoint(at: path) != nil: beginHandshake(slot)
      // The HTTP side gets whole heads only: half a one costs no more here than a handshake does, and has as little time.
      case .path where RequestLine.isHeadComplete(bytes): giveAway(slot)
      case .malformed: refuse(slot, RequestLine.refusal(of: bytes))
      case .path, .undecided:
        if count == window.count {
          return refuse(slot, .headTooLarge("The request's head is too long."), isHead: RequestLine.isHead(bytes))
        }
        if isOver { end(slot) }
      }
    }
  }

  /// The HTTP side owns the descriptor from here on; nothing of it has been read.
  private func giveAway(_ slot: UInt32) {
    let fd = connections[slot].pointee.fd
    guard let place = forget(slot) else { return Sys.close(fd) }
    services.handOver(HandedOver(fd: fd, place: place))
  }

  private func beginHandshake(_ slot: UInt32) {
    connections[slot].pointee.phase = .handshaking
    if let registration = connections[slot].pointee.registration {
      loop.modify(registration, fd: connections[slot].pointee.fd, .readable)
    }
    reception.handshakes[slot] = HandshakeParser()
    receive(slot)
  }

  func continueHandshake(_ slot: UInt32, _ bytes: UnsafeRawBufferPointer) {
    guard let outcome = reception.handshakes[slot]?.receive(bytes) else { return }
    switch outcome {
    case .incomplete: break
    case .refused(let refusal): refuse(slot, refusal)
    case .request(let request):
      do {
        try accept(slot, request)
      } catch {
        refuse(slot, error)
      }
    }
  }

  private func accept(_ slot: UInt32, _ request: HandshakeRequest) throws(HandshakeRefusal) {
    guard let endpoint = configuration.endpoint(at: request.path) else { throw .notFound }
    if drain.hasBegun { throw .draining(retryAfter: 1) }
    try judgePage(slot, request)
    let offered = try PerMessageDeflate(offered: request.extensions)
    let deflate = configuration.compresses || endpoint == .echo ? offered : nil
    switch endpoint {
    // At no path of a WebSocket.
    case .events, .commands, .poll: throw .notFound
    case .hub:
      let subprotocol = try SubprotocolChoice(offered: request.subprotocols)
      let claim = try claim(request, subprotocol)
      try count(slot, request)
      open(slot, deflate, HandshakeResponse.accept(request, subprotocol: subprotocol.selected, deflate: deflate))
      switch claim {
      case .token(let token, let warnings): authenticate(handshake: token, warnings, slot)
      case .identity(let identity, let warnings):
        enterHub(slot, identity, warnings)
        watch(slot)
      }
    case .echo:
      try count(slot, request)
      connections[slot].pointee.endpoint = .echo
      connections[slot].pointee.decoder = FrameDecoder(role: .server, limits: configuration.limits(of: .echo))
      open(slot, deflate, HandshakeResponse.accept(request, subprotocol: nil, deflate: deflate))
    }
  }

  /// Refuses pages that call the node by a name of their own, and those of other origins.
  private func judgePage(_ slot: UInt32, _ request: HandshakeRequest) throws(HandshakeRefusal) {
    guard configuration.hosts.permits(request.host) else {
      services.refusals.refused(host: request.host)
      throw .forbiddenHost(HostPolicy.refusal)
    }
    let isSecure = configuration.proxies.isSecure(
      peer: connections[slot].pointee.address, forwardedProto: request.forwardedProto)
    guard configuration.origins.permits(origin: request.origin, host: request.host, isSecure: isSecure) else {
      services.refusals.refused(origin: request.origin ?? "")
      throw .forbiddenOrigin(OriginPolicy.refusal)
    }
  }

  /// Counts the connection among those of the node and of its client's address; the last thing that may refuse it.
  private func count(_ slot: UInt32, _ request: HandshakeRequest) throws(HandshakeRefusal) {
    guard services.connectionCounter.enter() else {
      services.connectionCounter.leave()
      count(limit: .connections)
      throw .full(retryAfter: 5)
    }
    let connection = connections[slot]
    let client = configuration.proxies.client(peer: connection.pointee.address, forwardedFor: request.forwardedFor)
    switch services.addresses.enter(client, now: loop.now) {
    case .admitted:
      connection.pointee.address = client
      connection.pointee.isCounted = true
    case .tooMany:
      services.connectionCounter.leave()
      count(limit: .connectionsPerAddress)
      throw .tooManyRequests(retryAfter: 5)
    case .tooFast(let delay):
      services.connectionCounter.leave()
      count(limit: .connectRate)
      throw .tooManyRequests(retryAfter: delay)
    }
  }

  /// Who the client says it is: by a token, before anything else, or where that is believed by its name alone.
  private enum Claim {
    case token(String, Warnings)
    case identity(Identity?, Warnings)
  }

  private func claim(_ request: HandshakeRequest, _ subprotocol: SubprotocolChoice) throws(HandshakeRefusal) -> Claim {
    let hasName = ((try? request.query("user")) ?? "").isEmpty == false
    if services.authenticator != nil, let token = try request.query("token") ?? subprotocol.token {
      guard hasName else { return .token(token, []) }
      return .token(token, configuration.trustsUserParameter ? .ignoredUserForToken : .ignoredUser)
    }
    if configuration.trustsUserParameter { return .identity(try identity(request), []) }
    var warnings: Warnings = hasName ? .ignoredUser : []
    let hasToken = services.authenticator == nil && (try? request.query("token")) ?? subprotocol.token != nil
    if hasToken { warnings.insert(.ignoredToken) }
    return .identity(nil, warnings)
  }

  /// The user that the query names.
  private func identity(_ request: HandshakeRequest) throws(HandshakeRefusal) -> Identity? {
    guard let name = try request.query("user"), !name.isEmpty else { return nil }
    guard let user = UserName(name) else {
      throw .badRequest("The user name is longer than \(UserName.maxLength) bytes or has a control character.")
    }
    return Identity(user: user)
  }

  private func open(_ slot: UInt32, _ deflate: PerMessageDeflate?, _ response: [UInt8]) {
    reception.handshakes[slot] = nil
    let connection = connections[slot]
    connection.pointee.phase = .open
    delivery.send(response: response, to: slot)
    if let deflate {
      connection.pointee.encoding.window = deflate.window
      connection.pointee.decoder.allowCompression()
    }
    // Spread, so that connections which came together are not all pinged together.
    let first = Int64.random(in: configuration.pingInterval / 2...configuration.pingInterval, using: &random)
    connection.pointee.pinged = loop.now - configuration.pingInterval + first
    schedule(slot, after: first)
  }

  func enterHub(_ slot: UInt32, _ identity: Identity?, _ warnings: Warnings, author: ClientID? = nil) {
    let client = ClientID.random(using: &random)
    hub.open(
      connections.id(slot), client: client, author: author, identity: identity, now: loop.now,
      wall: Sys.wallMilliseconds())
    // By name: Swift 6.3.1 with the thread sanitizer crashes on a setter that is called through the subscript.
    let connection = connections[slot]
    connection.pointee.isInHub = true
    connection.pointee.opened = Sys.wallMilliseconds()
    report(slot)
    statistics.connects += 1
    let greeting = Greeting(
      client: client, author: author, node: node, user: identity?.user, pingInterval: configuration.pingInterval,
      maxMessageSize: configuration.maxMessageSize, warning: warnings.union(Warnings(of: identity)).text)
    reply(.connected(greeting), slot)
    let drainAt = connections[slot].pointee.drainAt
    if drainAt > 0 { reply(.drain(after: Int(max(drainAt - loop.now, 0))), slot) }
  }

  func handshakeTimedOut(_ slot: UInt32) {
    refuse(slot, HandshakeRefusal(status: 408, reason: "The head of the request did not arrive in time."))
  }

  /// Answers a handshake with an HTTP error and ends the connection when that has left.
  func refuse(_ slot: UInt32, _ refusal: HandshakeRefusal, isHead: Bool = false) {
    var refusal = refusal
    if isHead { refusal.isWithoutBody = true }
    reception.handshakes[slot] = nil
    statistics.refused[refusal.status, default: 0] += 1
    let connection = connections[slot]
    if connection.pointee.phase == .peeking, let registration = connection.pointee.registration {
      loop.modify(registration, fd: connection.pointee.fd, .readable)
    }
    delivery.send(response: HandshakeResponse.refuse(refusal), to: slot)
    beginEnding(slot)
  }
}
