import NIOCore
import NIOHTTPTypes

/// Ends a connection on which a request takes too long to arrive, or its answer to leave, be it a byte at a time: an idle
/// time alone, which every byte begins anew, would let a slow one stay for ever.
///
/// The first request's head is complete before the connection gets here; this is for its body and what follows it.
final class RequestDeadline: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  /// From the end of an answer, or the beginning of the connection, to the end of the next request; and from there to
  /// the end of its answer.
  static let limit = TimeAmount.seconds(30)

  private var deadline: Scheduled<Void>?

  func handlerAdded(context: ChannelHandlerContext) {
    begin(context)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head, .body: break
    // The answer has its time, too: a client that reads nothing would else keep it waiting to be written.
    case .end: begin(context)
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head, .body: break
    case .end: begin(context)
    }
    context.write(data, promise: promise)
  }

  private func begin(_ context: ChannelHandlerContext) {
    deadline?.cancel()
    let channel = context.channel
    deadline = context.eventLoop.scheduleTask(in: Self.limit) { channel.close(promise: nil) }
  }
}
