import Logging
import Reactor
import TLS

/// From where the server is said to be to a connection that has authenticated: every address of the name in turn, looked
/// up anew each time.
extension RedisLink {
  func connect() {
    attempt += 1
    attemptBegan = loop.now
    isSettled = false
    state = .locating
    locator.locate { [unowned self, attempt] answer in
      guard attempt == self.attempt, case .locating = state else { return }
      switch answer {
      case .success(let url): connect(to: url)
      case .failure(let failure): failAttempt(failure.reason)
      }
    }
  }

  private func connect(to url: RedisURL) {
    target = url
    state = .resolving
    switch url.endpoint {
    case .unix(let path):
      guard let address = SocketAddress(unixPath: path) else {
        return failAttempt("the path of the socket is too long")
      }
      connect(to: [address])
    case .tcp(let host, let port):
      if let address = SocketAddress(numericHost: host, port: port) { return connect(to: [address]) }
      // Looked up anew each time: after a failover the name may lead elsewhere.
      Resolver.resolve(host, port: port, tag: attempt, answer: resolutions)
    }
  }

  func resolved(_ resolution: Resolution) {
    guard resolution.tag == attempt, case .resolving = state else { return }
    switch resolution.result {
    case .success(let addresses): connect(to: addresses)
    case .failure(let error): failAttempt(error.reason)
    }
  }

  func connect(to addresses: [SocketAddress]) {
    guard let address = addresses.first else { return failAttempt("the host name has no address") }
    let rest = Array(addresses.dropFirst())
    do {
      let fd = try Sys.connect(to: address)
      Sys.disableNagle(fd)
      do {
        state = .connecting(fd: fd, try loop.add(fd, .writable, source: self), rest: rest)
      } catch {
        Sys.close(fd)
        failAttempt(error.description)
      }
    } catch {
      rest.isEmpty ? failAttempt(error.description) : connect(to: rest)
    }
  }

  func finishConnecting(_ fd: Int32, _ registration: Registration, rest: [SocketAddress]) {
    let error = Sys.socketError(fd)
    guard error == 0 else {
      if !rest.isEmpty { return abandon(fd, registration, for: rest) }
      return failAttempt(SystemError("connect", errno: error).description)
    }
    guard let stream = stream(over: fd),
      let connection = RedisConnection(stream, maxReply: locator.peer.maxReply)
    else {
      loop.remove(registration, fd: fd)
      state = .resolving
      return failAttempt("there is no memory for a connection")
    }
    wantsWrite = false
    isPaused = false
    state = .securing(connection, registration, rest: rest)
    secure(connection, registration, rest: rest)
  }

  /// Nil, with the socket closed, when there is no memory.
  private func stream(over fd: Int32) -> ByteStream? {
    guard let target, target.isSecure else { return ByteStream(fd: fd) }
    guard let security else { preconditionFailure("a URL with TLS, and nothing that says whom to trust") }
    let stream = ByteStream(fd: fd, in: security, to: target.certificateName)
    if stream == nil { Sys.close(fd) }
    return stream
  }

  /// Goes on with the handshake of TLS, which a plain stream has none of.
  func secure(_ connection: RedisConnection, _ registration: Registration, rest: [SocketAddress]) {
    switch connection.stream.handshake() {
    case .waiting(let interest): loop.modify(registration, fd: connection.stream.fd, interest)
    case .failed(let failure):
      rest.isEmpty ? failAttempt(advice(on: failure)) : abandon(connection, registration, for: rest)
    case .done:
      state = .introducing(connection, registration)
      watch(connection, registration)
      introduce(connection)
    }
  }

  /// Goes on with the other addresses of the name.
  func abandon(_ fd: Int32, _ registration: Registration, for rest: [SocketAddress]) {
    loop.remove(registration, fd: fd)
    Sys.close(fd)
    goOn(with: rest)
  }

  func abandon(_ connection: RedisConnection, _ registration: Registration, for rest: [SocketAddress]) {
    loop.remove(registration, fd: connection.stream.fd)
    connection.close()
    goOn(with: rest)
  }

  private func goOn(with rest: [SocketAddress]) {
    // The descriptor is nobody's from here on, also where none of the others can be connected to.
    state = .resolving
    attemptBegan = loop.now
    connect(to: rest)
  }

  func introduce(_ connection: RedisConnection) {
    guard let target else { return }
    var steps: [RedisCommand] = []
    if let password = target.password {
      steps.append(target.user.map { RedisCommand("AUTH", $0, password) } ?? RedisCommand("AUTH", password))
    }
    if target.database != 0 { steps.append(RedisCommand("SELECT", String(target.database))) }
    steps.append(RedisCommand("CLIENT", "SETNAME", name))
    let last = steps.count - 1
    let peer = locator.peer
    let isLogin = { (index: Int) in index == 0 && target.password != nil }
    for (index, step) in steps.enumerated() {
      enqueue(step, connection) { [unowned self] outcome in
        guard case .reply(let reply) = outcome, case .introducing(let connection, let registration) = state else {
          return
        }
        if let error = reply.error {
          return failAttempt(isLogin(index) ? peer.adviceOnLogin(error) : peer.advice(on: error))
        }
        guard index == last else { return }
        state = .connected(connection, registration)
        onEvent(.connected)
      }
    }
  }
}

extension RedisLink {
  /// The meaning of the end of a stream for whoever runs the node, and what to do.
  func advice(on failure: StreamFailure) -> String {
    switch failure.problem {
    case .plain: "\(failure.reason): use \(locator.peer.plainScheme)"
    case .untrusted: "\(failure.reason): \(adviceOnAuthorities)"
    case .name: "\(failure.reason): if it is the right one, add ?server-name=NAME to the URL"
    case .ownCertificate: "\(failure.reason): --redis-cert and --redis-key name it"
    case .other: failure.reason
    }
  }

  private var adviceOnAuthorities: String {
    guard let file = security?.files.authorities else { return "name the file with that authority by --redis-ca" }
    return "none in \(file) has signed it, or a certificate between the two is missing"
  }
}
