import Model
import Protocol
import Reactor
import WebSocket

/// Who acts on what a delivery brings about.
protocol DeliveryOwner: AnyObject {
  /// A poll has something to tell.
  func hasEvents(_ slot: UInt32)
  /// The connection does not read fast enough, and is to be closed.
  func isTooSlow(_ slot: UInt32)
  /// Its socket takes nothing any more.
  func hasFailed(_ slot: UInt32)
  /// Room in its socket is to be watched for, or no longer.
  func hasBlocked(_ slot: UInt32)
  /// All that was to be sent to it has left.
  func hasFlushed(_ slot: UInt32)
}

/// What one loop sends to its connections: the outboxes, what waits beside them, and the one send for each connection at the
/// end of a turn.
///
/// `+Overflow` deals with those who do not read fast enough, `+Deferred` with what goes out as there is room.
final class Delivery {
  /// What was counted.
  struct Counts {
    var sends = 0
    var delivered = 0
    /// By overflow policy: messages or connections given up because a client did not read.
    var dropped: [String: Int] = [:]
    /// How long deliveries took.
    var time = Histogram()
  }

  let connections: ConnectionTable
  let configuration: ServerConfiguration
  unowned let loop: Loop
  unowned let owner: any DeliveryOwner
  var counts = Counts()

  /// Streams of Server-Sent Events among the connections, by slot.
  var streams: [UInt32: OpenStream] = [:]
  /// Polls that wait, by slot; each is in `streams`, too.
  var polls: [UInt32: OpenPoll] = [:]
  let pool = BufferPool()
  private let variants = FrameVariants()
  /// Slots that have something to send when the turn ends.
  private var dirty: [UInt32] = []
  private var spareDirty: [UInt32] = []
  /// Slots that had no room while a frame went out to many; dealt with when that is over.
  var overflowing: [UInt32] = []
  /// By slot: what waits for room in the outbox.
  var waiting: [UInt32: DeferredSends] = [:]
  /// Whether the connections whose outbox is rather full are looked at soon.
  var isCheckingSlow = false
  /// How many messages this turn has delivered and when the oldest of them came, for the histogram.
  private var deliveries = 0
  private var oldestDelivery: Int64 = 0

  init(
    to connections: ConnectionTable, _ configuration: ServerConfiguration, on loop: Loop, owner: any DeliveryOwner
  ) {
    self.connections = connections
    self.configuration = configuration
    self.loop = loop
    self.owner = owner
  }

  // MARK: Replies and events

  /// Tells a client something.
  func send(_ reply: Reply, to slot: UInt32) {
    send(connections[slot].pointee.encoding.frame(of: reply), to: slot)
  }

  /// The same, or something shorter where there is no room for it.
  func send(_ reply: Reply, orShorter shorter: Reply, to slot: UInt32) {
    let encoding = connections[slot].pointee.encoding
    let frame = encoding.frame(of: reply)
    send(makeRoom(for: frame.count, slot) ? frame : encoding.frame(of: shorter), to: slot)
  }

  /// Puts an event that belongs to no channel into the outbox of each of them; who has no room for it is too slow.
  func send(_ text: EventText, to slots: [UInt32]) {
    for slot in slots { send(connections[slot].pointee.encoding.frame(of: text), to: slot) }
    counts.delivered += slots.count
  }

  /// Puts a frame into one connection's outbox; it leaves when the turn ends.
  func send(_ frame: Frame, to slot: UInt32) {
    enqueue(frame, connections[slot], slot)
    while let slot = overflowing.popLast() { closeAsTooSlow(slot) }
  }

  /// Puts an event of a channel into the outbox of each of them but `except`: nothing here allocates, locks or makes a
  /// system call. Who has no room for it is dealt with by `applyOverflow`.
  ///
  /// Each connection is looked up once and handed on. A look into the table costs 80 instructions: Swift checks while the
  /// program runs that nobody changes the table meanwhile.
  func send(_ event: ChannelEvent, _ channel: ChannelName, to slots: UnsafeBufferPointer<UInt32>, except: [UInt32]) {
    let frame = Encoding().frame(of: event)
    if except.isEmpty {
      for slot in slots { put(event, frame, channel, connections[slot], slot) }
    } else {
      for slot in slots where !except.contains(slot) { put(event, frame, channel, connections[slot], slot) }
    }
    counts.delivered += slots.count - except.count
  }

  /// The same for one connection.
  func send(_ event: ChannelEvent, _ channel: ChannelName, to slot: UInt32) {
    let connection = connections[slot]
    put(event, connection.pointee.encoding.frame(of: event), channel, connection, slot)
  }

  // MARK: Positions

  /// The frame with the line before it that tells where a stream's client stands when it has it, where that is to be told.
  func positioned(_ frame: Frame, _ channel: ChannelName, _ position: StreamPosition?, _ slot: UInt32) -> Frame {
    guard connections[slot].pointee.endpoint == .events, let position, let positions = streams[slot]?.positions else {
      return frame
    }
    return EventStream.frame(frame, id: positions.moved(channel, to: position).text)
  }

  /// A stream has room for what brings its client there.
  func move(_ slot: UInt32, _ channel: ChannelName, to position: StreamPosition?) {
    guard connections[slot].pointee.encoding.framing != .webSocket, let position else { return }
    if let positions = streams[slot]?.positions { streams[slot]?.positions = positions.moved(channel, to: position) }
  }

  // MARK: Into the outbox

  /// Puts an event of a channel into one connection's outbox, unless an older one of the channel waits for room.
  private func put(
    _ event: ChannelEvent, _ frame: Frame, _ channel: ChannelName, _ connection: UnsafeMutablePointer<Connection>,
    _ slot: UInt32
  ) {
    guard connection.pointee.hasDeferred else { return enqueue(event, frame, channel, connection, slot) }
    switch waiting[slot]?.take(event, of: channel) {
    case .passes, nil: enqueue(event, frame, channel, connection, slot)
    case .waits: break
    case .overflows: overflowing.append(slot)
    }
  }

  private func enqueue(
    _ event: ChannelEvent, _ frame: Frame, _ channel: ChannelName, _ connection: UnsafeMutablePointer<Connection>,
    _ slot: UInt32
  ) {
    if case .webSocket = connection.pointee.encoding.framing { return enqueue(frame, connection, slot) }
    guard event.position != nil, streams[slot]?.positions != nil else { return enqueue(frame, connection, slot) }
    guard connection.pointee.phase == .open, connection.pointee.closing.isOpen else { return }
    let data = reframed(frame, connection)
    if append(positioned(data, channel, event.position, slot), connection, slot) {
      move(slot, channel, to: event.position)
    }
  }

  private func enqueue(_ frame: Frame, _ connection: UnsafeMutablePointer<Connection>, _ slot: UInt32) {
    // After our close frame nothing more may be sent (RFC 6455 section 5.5.1).
    guard connection.pointee.phase == .open, connection.pointee.closing.isOpen else { return }
    _ = append(reframed(frame, connection), connection, slot)
  }

  /// The frame in the connection's framing, compressed where the handshake has negotiated that.
  private func reframed(_ frame: Frame, _ connection: UnsafeMutablePointer<Connection>) -> Frame {
    let encoding = connection.pointee.encoding
    switch encoding.framing {
    case .webSocket:
      let isCompressed =
        encoding.window != nil && configuration.compresses(frame.payloadCount, of: connection.pointee.endpoint)
      return isCompressed ? variants.variant(of: frame, for: encoding) : frame
    // One without a header is an event already.
    case .events, .text: return frame.headerCount == 0 ? frame : variants.variant(of: frame, for: encoding)
    }
  }

  /// False where there is no room for it.
  private func append(_ frame: Frame, _ connection: UnsafeMutablePointer<Connection>, _ slot: UInt32) -> Bool {
    guard makeRoom(for: frame.count, connection, slot) else {
      overflowing.append(slot)
      return false
    }
    if connection.pointee.endpoint == .poll {
      frame.withPayload { polls[slot]?.append(Array($0)) }
      owner.hasEvents(slot)
      return true
    }
    connection.pointee.outbox.append(frame, pool: pool)
    markDirty(connection, slot)
    return true
  }

  /// Puts a frame behind everything else, whatever the outbox holds: a close frame always fits.
  func sendLast(_ frame: Frame, to slot: UInt32) {
    let connection = connections[slot]
    connection.pointee.outbox.append(frame, pool: pool)
    forgetDeferred(slot)
    markDirty(slot)
  }

  /// Puts bytes that are no frame, the answer to a handshake, behind everything else.
  func send(response: [UInt8], to slot: UInt32) {
    let connection = connections[slot]
    connection.pointee.outbox.append(Frame(unframed: response), pool: pool)
    markDirty(slot)
  }

  /// Forgets whatever is to be sent to a connection.
  func forget(_ slot: UInt32) {
    let connection = connections[slot]
    connection.pointee.outbox.removeAll(pool: pool)
    forgetDeferred(slot)
  }

  // MARK: The end of the turn

  /// Has a connection's outbox sent when the turn ends.
  func markDirty(_ slot: UInt32) {
    markDirty(connections[slot], slot)
  }

  private func markDirty(_ connection: UnsafeMutablePointer<Connection>, _ slot: UInt32) {
    guard !connection.pointee.isDirty else { return }
    connection.pointee.isDirty = true
    if dirty.isEmpty { loop.atEndOfTurn { [unowned self] in flush() } }
    dirty.append(slot)
  }

  /// Counts a delivery for the histogram, only where something waits for the end of the turn: nobody else would record
  /// the time.
  func delivered(since: Int64) {
    guard !dirty.isEmpty else { return }
    if deliveries == 0 { oldestDelivery = since }
    deliveries += 1
  }

  /// One send for each connection that has something to say, however much the turn has brought.
  func flush() {
    var slots = spareDirty
    spareDirty = []
    swap(&slots, &dirty)
    for slot in slots {
      connections[slot].pointee.isDirty = false
      flush(slot)
    }
    slots.removeAll(keepingCapacity: true)
    spareDirty = slots
    variants.forget()
    guard deliveries > 0 else { return }
    counts.time.record(microseconds: Int(Sys.monotonicMicroseconds() - oldestDelivery), times: deliveries)
    deliveries = 0
  }

  private func flush(_ slot: UInt32) {
    let connection = connections[slot]
    guard connection.pointee.phase != .free else { return }
    if !connection.pointee.outbox.isEmpty {
      counts.sends += 1
      switch connection.pointee.outbox.send(to: connection.pointee.fd, pool: pool) {
      case .moved: checkSlowConsumer(slot, hasMoved: true)
      case .wouldBlock, .ended: checkSlowConsumer(slot, hasMoved: false)
      case .failed: return owner.hasFailed(slot)
      }
    }
    if connection.pointee.hasDeferred, releaseDeferred(slot) { return }
    let isBlocked = !connection.pointee.outbox.isEmpty
    if isBlocked != connection.pointee.isBlocked {
      connection.pointee.isBlocked = isBlocked
      owner.hasBlocked(slot)
    }
    if !isBlocked { owner.hasFlushed(slot) }
  }

  // MARK: Statistics

  /// Bytes that wait in all outboxes, and beside them.
  var waitingBytes: Int {
    var bytes = 0
    for slot in 0..<connections.capacity { bytes += connections[slot].pointee.outbox.count }
    for waiting in waiting.values { bytes += waiting.answerBytes + waiting.recoveryBytes + waiting.newestBytes }
    return bytes
  }
}

@available(*, unavailable)
extension Delivery: Sendable {}
