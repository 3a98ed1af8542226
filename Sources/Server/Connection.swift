import Cluster
import Model
import Protocol
import Reactor
import WebSocket

/// The shell's part of one connection, about 200 bytes; the rest of it is the hub's session.
struct Connection: ~Copyable {
  enum Phase {
    /// The slot is free.
    case free
    /// Not decided yet whether this is a WebSocket or for the HTTP side; nothing has been consumed.
    case peeking
    case handshaking
    /// A WebSocket, from the 101 to the last byte of the closing handshake.
    case open
    /// Everything is said; what is queued leaves, then the connection ends.
    case ending
  }

  var fd: Int32 = -1
  /// Its place in the room, from accept to close.
  var place: Place?
  /// Whether that is beyond the room: for one who asks how the node is.
  var isBeyondRoom = false
  /// Where it comes from: its peer, and from its handshake on the client behind a trusted proxy. Nil for a unix socket.
  var address: IPAddress?
  /// Whether it counts among the connections of its address.
  var isCounted = false
  /// The keyspace in which the broker has been told of it, if it has.
  var reportedIn: KeyspaceIndex? {
    get { reported == .max ? nil : Int(reported) }
    set { reported = newValue.map { UInt8($0) } ?? .max }
  }
  /// In a byte, since there are many connections.
  private var reported = UInt8.max
  var generation: UInt32 = 0
  var phase = Phase.free
  var endpoint = Endpoint.hub
  /// How it is told what it is told.
  var encoding = Encoding()
  var registration: Registration?
  /// The one timer of a connection; what it means depends on the phase.
  var timer: TimerID?
  var decoder: FrameDecoder
  var closing = CloseMachine()
  var outbox = Outbox()
  /// Whether it stands in line to be dealt with, and what it has become ready for meanwhile.
  var isQueued = false
  var awaiting: Readiness = []
  /// Whether its handshake has taken too long.
  var isLate = false
  /// Whether the slot is in this turn's list of those that have something to send.
  var isDirty = false
  /// Whether the hub has a session for it.
  var isInHub = false
  /// Whether epoll watches for room in the socket.
  var isBlocked = false
  /// Whether it stands still and nothing is read: a token of its client is being judged, or a subscribe waits for the rate.
  var isPaused = false
  /// Whether messages wait in the worker for room here.
  var hasDeferred = false
  /// Whether messages have been left out for it, as the rules of their channels want it.
  var toleratesLoss = false
  /// Since when the outbox has been more than half full, or, where it bears loss, nothing of it has been read; 0 while it is
  /// not.
  var slowSince: Int64 = 0
  /// Control frames, and compressed messages above the rate that were read all the same, in the second that began then: in
  /// the loop's time, cut to 32 bits.
  var controlFrames: UInt16 = 0
  var excessFrames: UInt16 = 0
  var secondSince: UInt32 = 0
  /// Whether the peer has ended its half of the stream while we still send.
  var hasPeerEnded = false
  /// Whether a ping is out and nothing was heard since; whatever is heard proves the client alive.
  var awaitsPong = false
  /// The two parts of `opened`, in six bytes that would else be empty.
  private var openedHigh: UInt16 = 0
  private var openedLow: UInt32 = 0
  /// When it was pinged last.
  var pinged: Int64 = 0
  /// When the hub wants to be asked about it, in milliseconds since 1970.
  var due = Int64.max
  /// When this connection is to be closed because the node goes away; 0 otherwise.
  var drainAt: Int64 = 0

  init(limits: FrameDecoder.Limits) {
    decoder = FrameDecoder(role: .server, limits: limits)
  }

  /// When the hub got it, in milliseconds since 1970.
  var opened: Int64 {
    get { Int64(openedHigh) << 32 | Int64(openedLow) }
    set {
      openedHigh = UInt16(truncatingIfNeeded: newValue >> 32)
      openedLow = UInt32(truncatingIfNeeded: newValue)
    }
  }
}

/// The connections of one loop, by slot, at addresses that never change.
final class ConnectionTable {
  private static let pageSize = 256

  private let limits: FrameDecoder.Limits
  private var pages: [UnsafeMutablePointer<Connection>] = []
  private var free: [UInt32] = []
  private(set) var count = 0

  init(limits: FrameDecoder.Limits) {
    self.limits = limits
  }

  deinit {
    for page in pages {
      page.deinitialize(count: Self.pageSize)
      page.deallocate()
    }
  }

  /// The number of slots there are, used or free.
  var capacity: UInt32 { UInt32(pages.count * Self.pageSize) }

  /// The connection in a slot that `insert` has returned.
  subscript(slot: UInt32) -> UnsafeMutablePointer<Connection> {
    pages[Int(slot) / Self.pageSize] + Int(slot) % Self.pageSize
  }

  /// A slot for a new connection.
  func insert(fd: Int32) -> UInt32 {
    if free.isEmpty { grow() }
    let slot = free.removeLast()
    self[slot].pointee.fd = fd
    self[slot].pointee.phase = .peeking
    count += 1
    return slot
  }

  /// Frees a slot; its next connection has another generation. A place it still has is freed with it.
  func remove(_ slot: UInt32) {
    let generation = self[slot].pointee.generation &+ 1
    self[slot].pointee = Connection(limits: limits)
    self[slot].pointee.generation = generation
    free.append(slot)
    count -= 1
  }

  func id(_ slot: UInt32) -> SessionID {
    SessionID(slot: slot, generation: self[slot].pointee.generation)
  }

  /// Whether the connection of that id is still there.
  func contains(_ id: SessionID) -> Bool {
    id.slot < capacity && self[id.slot].pointee.generation == id.generation && self[id.slot].pointee.phase != .free
  }

  private func grow() {
    let first = capacity
    let page = UnsafeMutablePointer<Connection>.allocate(capacity: Self.pageSize)
    for index in 0..<Self.pageSize { (page + index).initialize(to: Connection(limits: limits)) }
    pages.append(page)
    // The lowest slot is taken first.
    for slot in (first..<capacity).reversed() { free.append(slot) }
  }
}

@available(*, unavailable)
extension ConnectionTable: Sendable {}
