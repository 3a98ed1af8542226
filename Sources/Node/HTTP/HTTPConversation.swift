import HTTPTypes
import Hub
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import Server
import WebSocket

/// One request at a time: reads it, gives it on, and looks at no further byte until its answer has left.
///
/// Bytes come in and parts of requests go on, by `RequestReader`; parts of answers come back. What breaks HTTP, or a limit, is
/// answered here, alike for the first request of a connection and for later ones. Whether the connection stays after an
/// answer is decided here alone: the client, the answer (`Connection: close`), the limits and the end of the node have a
/// say, and the answer tells it.
final class HTTPConversation: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// From the end of an answer, or the beginning of the connection, to the end of the next request; and from there to
  /// the end of its answer. An idle time alone would let a client that sends or reads a byte at a time stay for ever.
  private static let limit = TimeAmount.seconds(30)
  /// How long the client may be silent after the last answer before the connection ends. Closing with bytes unread would
  /// reset it, and the client would lose the answer. A client that is still sending, such as a refused body, has `limit`.
  private static let linger = TimeAmount.seconds(2)

  /// The request that is read or answered now.
  private struct Exchange {
    let head: RequestHead
    /// Whether all of it has come.
    var isWhole = false
    /// Whether the connection ends after the answer.
    var closes: Bool
    /// The room its body takes until the answer begins; nil where nobody gathers the body.
    var body: BodyRoom.Share?
  }

  private let limits: HTTPLimits
  private let isForOneRequest: Bool
  private var reader = RequestReader(maxBody: API.maxBodySize)
  private var bucket = TokenBucket(HTTPLimits.rate, now: HTTPConversation.now)
  private var exchange: Exchange?
  /// Bytes that have come and were not looked at.
  private var unread = ByteBuffer()
  /// Whether the last answer has begun: what comes is thrown away.
  private var isDeaf = false
  /// Whether the last answer was a refusal of ours: what else would be answered is thrown away.
  private var isMute = false
  private var isGoingAway = false
  /// Whether the client has ended its half of the stream, and whether that was told.
  private var hasPeerEnded = false
  private var isEndTold = false
  private var wantsRead = false
  private var isAdvancing = false
  /// Whether the last answer has left, and the client has a moment to read it.
  private var isLingering = false
  /// Whether the client has sent anything since the `linger` timer began.
  private var hasSaidMore = false
  /// Ends the connection; there is always one.
  private var deadline: Scheduled<Void>?

  init(_ limits: HTTPLimits, isForOneRequest: Bool) {
    self.limits = limits
    self.isForOneRequest = isForOneRequest
  }

  private static var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }

  // MARK: Time

  func handlerAdded(context: ChannelHandlerContext) {
    restartDeadline(context)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
  }

  private func restartDeadline(_ context: ChannelHandlerContext) {
    deadline?.cancel()
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.limit) { context.close(promise: nil) }
  }

  private func linger(_ context: ChannelHandlerContext, until end: NIODeadline) {
    hasSaidMore = false
    deadline?.cancel()
    deadline = context.eventLoop.assumeIsolated().scheduleTask(in: Self.linger) { [self] in
      if hasSaidMore, .now() < end { linger(context, until: end) } else { context.close(promise: nil) }
    }
  }

  // MARK: In

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    guard !isDeaf else {
      hasSaidMore = true
      return
    }
    if unread.readableBytes == 0 { unread = bytes } else { unread.writeBuffer(&bytes) }
    advance(context)
    // Its memory is not kept.
    if unread.readableBytes == 0 { unread = ByteBuffer() }
    if unread.readableBytes > HTTPLimits.maxUnread {
      exchange?.closes = true
      turnDeaf()
    }
  }

  /// What comes after the last request is read and thrown away, however little of its body was wanted.
  func channelReadComplete(context: ChannelHandlerContext) {
    context.fireChannelReadComplete()
    if isDeaf { context.read() }
  }

  /// While a request waits for its answer nothing is read.
  func read(context: ChannelHandlerContext) {
    if isWaiting { wantsRead = true } else { context.read() }
  }

  private var isWaiting: Bool { !isDeaf && (exchange?.isWhole ?? false) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      hasPeerEnded = true
      if isLingering { return context.close(promise: nil) }
      advance(context)
      context.fireChannelReadComplete()
    case is ChannelShouldQuiesceEvent:
      isGoingAway = true
      if exchange == nil, !isDeaf { context.close(promise: nil) } else { exchange?.closes = true }
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    breakOff(context)
    exchange = nil
    context.fireChannelInactive()
  }

  /// Gives on what can be given on of what has come.
  private func advance(_ context: ChannelHandlerContext) {
    guard !isAdvancing else { return }
    isAdvancing = true
    defer { isAdvancing = false }
    while !isDeaf, !isWaiting {
      let (step, taken) = unread.withUnsafeReadableBytes { reader.read($0) }
      let bytes = unread.readSlice(length: taken)
      switch step {
      case .incomplete:
        if hasPeerEnded { tellEnd(context) }
        return
      case .head(let head): begin(head, context)
      case .body(let range):
        if let room = exchange?.body, !room.grow(by: max(range.count, HTTPLimits.leastPart)) {
          return refuseBody(context)
        }
        guard let part = bytes?.getSlice(at: range.lowerBound, length: range.count) else { return }
        context.fireChannelRead(wrapInboundOut(.body(part)))
      case .end:
        exchange?.isWhole = true
        restartDeadline(context)
        context.fireChannelRead(wrapInboundOut(.end(nil)))
      case .refused(let refusal): refuse(refusal, context)
      }
    }
  }

  private func begin(_ head: RequestHead, _ context: ChannelHandlerContext) {
    guard let request = HTTPRequest(head) else { return refuse(.badRequest("The method is malformed."), context) }
    if !limits.isKnown(request.headerFields), bucket.take(HTTPLimits.rate, now: Self.now) != .allowed {
      limits.tally.count(.httpRate)
      return refuse(.tooManyRequestsOfOne, context, isHead: head.isHead)
    }
    let room = head.body == .none ? nil : limits.room(head.target, request.headerFields)
    let body = room?.enter(from: limits.proxies.client(of: request.headerFields, on: context.channel))
    guard room == nil || body != nil else { return refuseBody(context, isHead: head.isHead) }
    exchange = Exchange(head: head, closes: head.closes || isForOneRequest || isGoingAway, body: body)
    context.fireChannelRead(wrapInboundOut(.head(request)))
  }

  /// The client says nothing more: told when everything before it has been given on.
  private func tellEnd(_ context: ChannelHandlerContext) {
    if exchange != nil { return refuse(.badRequest("The body is incomplete."), context) }
    guard !isEndTold else { return }
    isEndTold = true
    context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
  }

  /// Whoever waits for the rest of a body learns that it does not come; its end alone would make what has come a whole.
  private func breakOff(_ context: ChannelHandlerContext) {
    guard let isWhole = exchange?.isWhole, !isWhole else { return }
    context.fireErrorCaught(HTTPParserError.invalidEOFState)
  }

  // MARK: Out

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isMute, exchange != nil else {
      promise?.succeed()
      return
    }
    switch unwrapOutboundIn(data) {
    case .head(let response) where response.status.kind == .informational:
      context.write(wrapOutboundOut(.head(HTTPResponseHead(response))), promise: promise)
    case .head(let response):
      context.write(wrapOutboundOut(.head(beginAnswer(response))), promise: promise)
    case .body(let bytes):
      context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: promise)
    case .end:
      let written = promise ?? context.eventLoop.makePromise()
      written.futureResult.assumeIsolated().whenSuccess { [self] _ in answered(context) }
      context.write(wrapOutboundOut(.end(nil)), promise: written)
    }
  }

  /// The head of an answer with what it has to tell of the connection.
  private func beginAnswer(_ response: HTTPResponse) -> HTTPResponseHead {
    // Nobody wants the rest of a body that is answered before its end, and where the next request begins stays open.
    let isLast =
      (exchange?.closes ?? true) || response.headerFields[.connection] == "close" || !(exchange?.isWhole ?? false)
    var answer = HTTPResponseHead(response)
    answer.headers.remove(name: "connection")
    if isLast {
      answer.headers.add(name: "connection", value: "close")
    } else if exchange?.head.isToldToStay ?? false {
      answer.headers.add(name: "connection", value: "keep-alive")
    }
    exchange?.closes = isLast
    exchange?.body = nil
    if isLast { turnDeaf() }
    return answer
  }

  /// The answer has left: the next request, or the end.
  private func answered(_ context: ChannelHandlerContext) {
    let closes = exchange?.closes ?? true
    exchange = nil
    if closes { return finish(context) }
    restartDeadline(context)
    advance(context)
    context.fireChannelReadComplete()
    if wantsRead, !isWaiting {
      wantsRead = false
      context.read()
    }
  }

  private func refuseBody(_ context: ChannelHandlerContext, isHead: Bool = false) {
    limits.tally.count(.httpBodies)
    refuse(.tooManyBodies, context, isHead: isHead)
  }

  /// Answers in place of whoever would have, and ends the connection.
  private func refuse(_ refusal: HandshakeRefusal, _ context: ChannelHandlerContext, isHead: Bool = false) {
    let hasBody = !refusal.isWithoutBody && !isHead && !(exchange?.head.isHead ?? false)
    turnDeaf()
    isMute = true
    breakOff(context)
    exchange = nil
    let written = context.eventLoop.makePromise(of: Void.self)
    written.futureResult.assumeIsolated().whenSuccess { [self] _ in finish(context) }
    context.write(wrapOutboundOut(.head(HTTPResponseHead(refusal))), promise: nil)
    if hasBody {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: refusal.body)))), promise: nil)
    }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
  }

  private func turnDeaf() {
    isDeaf = true
    unread = ByteBuffer()
  }

  /// Ends our half of the stream, and soon the connection.
  private func finish(_ context: ChannelHandlerContext) {
    turnDeaf()
    // Its place is for the next one; the one request was read to its end, so that the answer arrives.
    if isForOneRequest || hasPeerEnded { return context.close(promise: nil) }
    isLingering = true
    linger(context, until: .now() + Self.limit)
    context.close(mode: .output, promise: nil)
    context.read()
  }

  /// Somebody else goes on with the connection, whatever is read or answered here: its descriptor is closed, and no more.
  func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
    guard event is TakenBack else { return context.triggerUserOutboundEvent(event, promise: promise) }
    isMute = true
    context.close(promise: promise)
  }

  struct TakenBack {}

  /// Hummingbird may be done with a connection before the client has read the last answer: then its deadline ends it.
  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard isDeaf, !isGoingAway else { return context.close(mode: mode, promise: promise) }
    context.channel.closeFuture.cascade(to: promise)
  }
}

@available(*, unavailable)
extension HTTPConversation: Sendable {}
