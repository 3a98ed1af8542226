import Hummingbird
import HummingbirdCore
import Locks
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
  /// Beyond so many each connection is closed behind its answer: an idle one costs about 20 KB, fifty times what an idle
  /// WebSocket does. Nobody is kept from getting an answer.
  static let maxKept = 256

  /// The most bytes that one read brings: what is not needed yet stays with the kernel.
  private static let maxRead = 16 << 10

  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let limits: HTTPLimits
  /// The HTTP connections alone, against `maxKept`.
  private let kept: ConnectionCounter
  private let logger: Logger
  private let connections: AsyncStream<HandedOver>
  private let arrivals: AsyncStream<HandedOver>.Continuation
  /// Open connections, to be told when the node goes away.
  private let channels = Lock<[ObjectIdentifier: (channel: any Channel, connection: HandedOver)]>([:])

  init(kept: ConnectionCounter, limits: HTTPLimits, logger: Logger) {
    self.kept = kept
    self.limits = limits
    self.logger = logger
    (connections, arrivals) = AsyncStream.makeStream()
  }

  /// Takes a connection, from any thread.
  func adopt(_ connection: HandedOver) {
    switch arrivals.yield(connection) {
    case .enqueued: break
    case .dropped, .terminated: closeDescriptor(connection.fd)
    @unknown default: closeDescriptor(connection.fd)
    }
  }

  /// Serves until `finish` and until the connections that are open then have ended or five seconds have passed.
  func run(_ responder: @escaping HTTPChannelHandler.Responder) async {
    await withTaskGroup(of: Void.self) { serving in
      serving.addTask { [self] in
        await withDiscardingTaskGroup { tasks in
          for await connection in connections {
            tasks.addTask { await self.serve(connection, responder) }
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

  /// Takes a connection whose request was read away from SwiftNIO, without a byte of an answer: its descriptor is
  /// duplicated, and closed there. Nil where it has ended, or where no descriptor is to be had.
  func takeBack(_ channel: any Channel) async -> HandedBack? {
    guard let connection = channels.withLock({ $0[ObjectIdentifier(channel)]?.connection }) else { return nil }
    let taken = channel.eventLoop.submit { () -> HandedBack? in
      // Only here is it certain that the descriptor is still this connection's.
      guard channel.isActive, let taken = HandedBack(connection) else { return nil }
      channel.triggerUserOutboundEvent(HTTPConversation.TakenBack(), promise: nil)
      return taken
    }
    guard let taken = try? await taken.get() else { return nil }
    // What SwiftNIO still does with it must not meet what the loop does.
    try? await channel.closeFuture.get()
    return taken
  }

  private let finished = Gate()

  /// Takes no further connection; those that are idle close at once, the others after their present request.
  func finish() {
    arrivals.finish()
    for channel in channels.withLock({ $0.values.map(\.channel) }) {
      channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
    finished.open()
  }

  /// The connection's place is free when this returns: after its descriptor was closed.
  private func serve(_ connection: HandedOver, _ responder: @escaping HTTPChannelHandler.Responder) async {
    _ = kept.enter()
    defer { withExtendedLifetime(connection) { kept.leave() } }
    do {
      let http = HTTPService(responder: responder, limits: limits, isForOneRequest: connection.isBeyondRoom)
      let logger = logger
      let value = try await ClientBootstrap(group: group)
        // Who has said everything and ended its half still waits for the answer.
        .channelOption(.allowRemoteHalfClosure, value: true)
        .channelOption(.maxMessagesPerRead, value: 1)
        .channelOption(
          .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 2048, maximum: Self.maxRead)
        )
        .withConnectedSocket(connection.fd) { channel in
          http.setup(channel: channel, logger: logger)
        }
      let channel = value.channel
      channels.withLock { $0[ObjectIdentifier(channel)] = (channel, connection) }
      defer { channels.withLock { $0[ObjectIdentifier(channel)] = nil } }
      await http.handle(value: value, logger: logger)
      try await channel.closeFuture.get()
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
