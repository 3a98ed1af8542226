import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Reactor
import Server

/// The HTTP side of the one port: takes connections that are not for the WebSocket's path and serves them with
/// Hummingbird, on one SwiftNIO thread of its own.
///
/// A connection comes unread, as the kernel has it; from then on NIO alone reads and closes it.
final class HTTPGateway: Sendable {
  /// Seconds without a request after which a connection is closed.
  private static let idleTimeout = TimeAmount.seconds(30)
  /// Beyond so many each connection is closed behind its answer: an idle one costs about 20 KB, fifty times what an idle
  /// WebSocket does. Nobody is kept from getting an answer.
  static let maxKept = 256

  /// Ends with `run`: whoever else uses it is done before `finish`.
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let http: HTTP1Channel
  /// The HTTP connections alone, against `maxKept`.
  private let kept: Admission
  private let logger: Logger
  private let descriptors: AsyncStream<CInt>
  private let arrivals: AsyncStream<CInt>.Continuation
  /// Open connections, to be told when the node goes away.
  private let channels = Lock<[ObjectIdentifier: any Channel]>([:])

  init(
    kept: Admission, logger: Logger, responder: @escaping HTTPChannelHandler.Responder
  ) {
    self.kept = kept
    self.logger = logger
    http = HTTP1Channel(
      responder: responder,
      configuration: .init(
        additionalChannelHandlers: [RequestDeadline()], idleTimeout: Self.idleTimeout,
        httpDecoderConfiguration: .init(
          maxHeaderListSize: ServerConfiguration.maxHeadSize, maxHeaderFieldCount: ServerConfiguration.maxHeaders)))
    (descriptors, arrivals) = AsyncStream.makeStream()
  }

  /// Takes a connected, non-blocking socket, from any thread.
  func adopt(_ fd: CInt) {
    switch arrivals.yield(fd) {
    case .enqueued: break
    case .dropped, .terminated: closeDescriptor(fd)
    @unknown default: closeDescriptor(fd)
    }
  }

  /// Serves until `finish` and until the connections that are open then have ended or five seconds have passed.
  func run() async {
    await withTaskGroup(of: Void.self) { serving in
      serving.addTask { [self] in
        await withDiscardingTaskGroup { connections in
          for await fd in descriptors {
            connections.addTask { await self.serve(fd) }
          }
        }
      }
      serving.addTask {
        await self.finished.wait()
        try? await Task.sleep(for: .seconds(5))
      }
      await serving.next()
      serving.cancelAll()
    }
    try? await group.shutdownGracefully()
  }

  private let finished = Gate()

  /// Takes no further connection; those that are idle close at once, the others after their present request.
  func finish() {
    arrivals.finish()
    for channel in channels.withLock({ Array($0.values) }) {
      channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
    finished.open()
  }

  private func serve(_ fd: CInt) async {
    _ = kept.enter()
    defer { kept.leave() }
    do {
      let http = http
      let logger = logger
      let value = try await ClientBootstrap(group: group)
        // Who has said everything and ended its half still waits for the answer.
        .channelOption(.allowRemoteHalfClosure, value: true)
        .withConnectedSocket(fd) { channel in
          http.setup(channel: channel, logger: logger)
        }
      let channel = value.channel
      channels.withLock { $0[ObjectIdentifier(channel)] = channel }
      defer { channels.withLock { $0[ObjectIdentifier(channel)] = nil } }
      await http.handle(value: value, logger: logger)
    } catch {
      // NIO has closed the descriptor or never owned it; it says so by its error alone.
      logger.debug("an HTTP connection could not be set up: \(error)")
    }
  }
}

/// Something that happens once and is waited for.
final class Gate: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() {
    (stream, continuation) = AsyncStream.makeStream()
  }

  func open() {
    continuation.finish()
  }

  func wait() async {
    for await _ in stream {}
  }
}
