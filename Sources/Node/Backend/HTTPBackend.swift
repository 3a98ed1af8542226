import AsyncHTTPClient
import Glibc
import Locks
import Logging
import Model
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Reactor
import Server

/// The backend of `--backend`: each call is a POST.
package final class HTTPBackend: Backend {
  /// The largest answer, in bytes.
  private static let maxAnswer = 1 << 20
  /// How long a connection is kept for another call: shorter than most servers keep theirs, so that a call seldom meets
  /// one that is just being closed.
  private static let idleTimeout = TimeAmount.seconds(4)
  /// Shorter than the whole, so that it can be told that nothing was sent.
  private static let connectLimit = TimeAmount.seconds(3)
  private static let timeLimit = TimeAmount.milliseconds(BackendAnswer.timeLimit)

  private let url: BackendURL
  private let signature: CallSignature?
  /// A thread of its own: calls do not wait for whoever asks the HTTP side much.
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let client: HTTPClient
  private let logger: Logger
  private let tally = Lock(LogThrottle())

  /// Calls `url`; `stop` must come before the end.
  package init(_ url: BackendURL, secret: String?, logger: Logger) {
    self.url = url
    self.logger = logger
    signature = secret.map(CallSignature.init)
    var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
    configuration.httpVersion = .http1Only
    configuration.timeout.connect = Self.connectLimit
    configuration.connectionPool.idleTimeout = Self.idleTimeout
    // As many as there are calls at a time, and as descriptors are kept for them.
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = DescriptorBudget.keptForBackend
    // A connection that was given up does not keep its place for those that follow.
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.shutdownTimeout = .milliseconds(100)
    configuration.tlsConfiguration = tls
    // Who asks is told at once that nobody is there.
    configuration.connectionPool.retryConnectionEstablishment = false
    client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
  }

  /// Ends every call that is under way, closes the connections and ends the thread.
  package func stop() async {
    do {
      try await client.shutdown()
    } catch {
      logger.debug("the connections to the backend did not close cleanly: \(error)")
    }
    try? await group.shutdownGracefully()
  }

  package func answer(to body: [UInt8]) async -> BackendAnswer {
    let (answer, error) = await post(body)
    if case .failure(_, let reason) = answer { tell(reason, error) }
    return answer
  }

  private func tell(_ reason: String, _ error: (any Error)?) {
    guard let failures = tally.withLock({ $0.failed(now: Self.now) }) else { return }
    var metadata: Logger.Metadata = ["backend": "\(url)", "failures": "\(failures)"]
    if let error { metadata["error"] = "\(error)" }
    logger.warning("the backend failed: \(reason)", metadata: metadata)
  }

  private func post(_ body: [UInt8]) async -> (BackendAnswer, (any Error)?) {
    var request = HTTPClientRequest(url: url.text)
    request.method = .POST
    request.headers = ["Content-Type": "application/json", "Accept": "application/json", "User-Agent": "apus"]
    if let signature {
      let value = signature.value(for: body, at: Sys.wallMilliseconds() / 1000)
      request.headers.add(name: CallSignature.header, value: value)
    }
    request.body = .bytes(ByteBuffer(bytes: body))
    do {
      let response = try await client.execute(request, deadline: .now() + Self.timeLimit)
      guard response.status == .ok else { return (Self.failure(response.status), nil) }
      let answer = try await response.body.collect(upTo: Self.maxAnswer)
      // What was cut off by the end of its time is no answer.
      return (Task.isCancelled ? .late : answer.withUnsafeReadableBytes { BackendAnswer(body: $0) }, nil)
    } catch {
      return Task.isCancelled ? (.late, nil) : (Self.failure(error), error)
    }
  }

  /// Calls the method `apus.check`, which a backend need not know: nil when it answers as one, else what is wrong.
  package static func complaint(of url: BackendURL, secret: String?) async -> String? {
    let silent = Logger(label: "apus") { _ in SwiftLogNoOpLogHandler() }
    let backend = HTTPBackend(url, secret: secret, logger: silent)
    let body = BackendCall.body(method: "apus.check", params: nil, user: nil, client: ClientID("apus-check"))
    let answer = await backend.answer(to: body, within: BackendAnswer.timeLimit)
    await backend.stop()
    return if case .failure(_, let reason) = answer { reason } else { nil }
  }

  private static var now: Int64 { Sys.monotonicMicroseconds() / 1000 }

  // MARK: Failures

  /// An answer without a result: what says that nothing was done is `unavailable`.
  private static func failure(_ status: HTTPResponseStatus) -> BackendAnswer {
    switch status {
    case .tooManyRequests, .serviceUnavailable:
      .failure(.unavailable, "The backend is not available (status \(status.code)); the method did not run.")
    default: .failure(.internal, "The backend answered with status \(status.code).")
    }
  }

  private static func failure(_ error: any Error) -> BackendAnswer {
    switch error {
    case is NIOTooManyBytesError: .failure(.internal, "The backend's answer is larger than \(maxAnswer) bytes.")
    case is NIOConnectionError: unreachable
    case let error as HTTPClientError: failure(error)
    case NIOSSLError.handshakeFailed, is NIOSSLExtraError: untrusted
    case is NIOSSLError: lost
    case let error as IOError: notConnected.contains(error.errnoCode) ? unreachable : lost
    default: .failure(.internal, "The call to the backend failed.")
    }
  }

  private static func failure(_ error: HTTPClientError) -> BackendAnswer {
    switch error {
    case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout, .alreadyShutdown: unreachable
    case .deadlineExceeded: .late
    case .remoteConnectionClosed, .cancelled, .readTimeout, .writeTimeout, .uncleanShutdown: lost
    default: .failure(.internal, "The call to the backend failed.")
    }
  }

  /// What the kernel says before anything was sent.
  private static let notConnected: Set<CInt> = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL]

  private static let unreachable = BackendAnswer.failure(
    .unavailable, "The backend cannot be reached; the method did not run.")
  private static let untrusted = BackendAnswer.failure(
    .unavailable, "The backend's certificate is not trusted, or it does not speak TLS; the method did not run.")
  private static let lost = BackendAnswer.failure(
    .timeout, "The connection to the backend was lost; the method may or may not have run.")
}
