import CReactor

/// One thread's event loop: epoll, timers, mailboxes.
///
/// A turn is: wait, events of descriptors, what the turn before has put off, timers that ran out, what other threads
/// posted, what was put off to later in the turn, and last the work put off to its end, where everything the turn has
/// produced leaves at once.
/// Nothing on a loop is shared and nothing locked; a `Loop` and all it owns stay on their thread.
package final class Loop {
  /// What other threads may hold of this loop.
  package let handle: LoopHandle
  /// Milliseconds of the monotonic clock at the beginning of the turn.
  package private(set) var now: Int64
  /// The same moment in microseconds.
  package private(set) var nowMicroseconds: Int64
  /// Microseconds this loop has worked, not waited, since it began.
  package private(set) var busyMicroseconds: Int64 = 0
  /// How many turns it has taken.
  package private(set) var turns = 0
  /// Where every connection of this loop receives: used within one event, never kept.
  package let receiveBuffer: UnsafeMutableRawBufferPointer

  private struct Timer {
    let source: any EventSource
    let key: UInt32
  }

  /// 128 KiB: one read takes what a socket's default buffer holds.
  private static let receiveBufferSize = 1 << 17
  /// A loop that keeps putting work off to later in its turn looks at its descriptors again after that many rounds.
  private static let maxRounds = 16

  private var poller: Poller
  private var wheel: TimingWheel<Timer>
  private var mailboxes: [any MailboxDrain] = []
  private var laterWork: [() -> Void] = []
  private var endOfTurn: [() -> Void] = []
  private var nextTurn: [() -> Void] = []
  private var stopped = false

  /// Must be made on the thread that will run it.
  package init() throws(SystemError) {
    nowMicroseconds = Sys.monotonicMicroseconds()
    now = nowMicroseconds / 1000
    poller = try Poller()
    wheel = TimingWheel(now: now)
    handle = try LoopHandle()
    receiveBuffer = .allocate(byteCount: Self.receiveBufferSize, alignment: 16)
    let wake = WakeSource(self)
    wakeSource = wake
    _ = try poller.add(handle.eventfd, .readable, source: wake, key: 0)
  }

  deinit {
    receiveBuffer.deallocate()
  }

  /// The eventfd's entry in the table; holds the loop weakly, since the loop holds it.
  private var wakeSource: WakeSource?

  private final class WakeSource: EventSource {
    unowned let loop: Loop
    var fired = false

    init(_ loop: Loop) {
      self.loop = loop
    }

    func ready(_ readiness: Readiness, key: UInt32) {
      fired = true
    }

    func expired(key: UInt32) {}
  }

  // MARK: Descriptors

  /// Waits for `interest` on `fd`, which must be non-blocking; events go to `source` with `key`.
  package func add(
    _ fd: Int32, _ interest: Readiness, source: any EventSource, key: UInt32 = 0
  ) throws(SystemError) -> Registration {
    try poller.add(fd, interest, source: source, key: key)
  }

  package func modify(_ registration: Registration, fd: Int32, _ interest: Readiness) {
    poller.modify(registration, fd, interest)
  }

  /// Forgets a descriptor without closing it; events already fetched for it are dropped.
  package func remove(_ registration: Registration, fd: Int32) {
    poller.remove(registration, fd)
  }

  // MARK: Time

  /// Calls `source` with `key` once `milliseconds` have passed.
  package func schedule(after milliseconds: Int64, source: any EventSource, key: UInt32 = 0) -> TimerID {
    wheel.schedule(at: now + max(0, milliseconds), Timer(source: source, key: key))
  }

  package func cancel(_ timer: TimerID) {
    wheel.cancel(timer)
  }

  // MARK: Later

  /// Puts `work` off to later in this turn, after the events, the timers and what other threads posted.
  ///
  /// Work put off by such work follows in the same turn, a few rounds long, and then in the next one.
  package func laterInTurn(_ work: @escaping () -> Void) {
    laterWork.append(work)
  }

  /// Puts `work` off to the end of this turn, after everything else; work put off by such work runs in the same turn.
  package func atEndOfTurn(_ work: @escaping () -> Void) {
    endOfTurn.append(work)
  }

  /// Puts `work` off to the next turn, behind the events of its descriptors; the loop does not wait for these.
  package func atNextTurn(_ work: @escaping () -> Void) {
    nextTurn.append(work)
  }

  func attach(_ mailbox: any MailboxDrain) {
    mailboxes.append(mailbox)
  }

  // MARK: Running

  /// Ends `run` after the present turn.
  package func stop() {
    stopped = true
  }

  /// Runs until `stop`.
  package func run() {
    while !stopped { turn() }
    for task in handle.retire() { task(self) }
    // The loop's own table must not keep the loop alive.
    wakeSource = nil
  }

  private func turn() {
    let count = poller.wait(timeout: timeout)
    nowMicroseconds = Sys.monotonicMicroseconds()
    now = nowMicroseconds / 1000
    turns &+= 1
    let postponed = nextTurn
    nextTurn = []
    for index in 0..<count {
      guard let event = poller.event(index) else { continue }
      event.source.ready(event.readiness, key: event.key)
    }
    for work in postponed { work() }
    while let timer = wheel.popExpired(now: now) { timer.source.expired(key: timer.key) }
    takePosts()
    doLaterWork()
    finishTurn()
    busyMicroseconds += Sys.monotonicMicroseconds() - nowMicroseconds
  }

  private var timeout: Int32 {
    // Work at the end of a turn may have put off more.
    if !laterWork.isEmpty || !nextTurn.isEmpty { return 0 }
    guard let delay = wheel.delay(from: now) else { return -1 }
    return Int32(clamping: delay)
  }

  private func takePosts() {
    guard let wakeSource, wakeSource.fired else { return }
    wakeSource.fired = false
    // Acknowledged first: what is posted from here on wakes the loop again.
    handle.acknowledge()
    for task in handle.takeTasks() { task(self) }
    for mailbox in mailboxes { mailbox.drain() }
  }

  private func doLaterWork() {
    for _ in 0..<Self.maxRounds where !laterWork.isEmpty {
      var work: [() -> Void] = []
      swap(&work, &laterWork)
      for action in work { action() }
      // Its memory is used again, unless more has come meanwhile.
      work.removeAll(keepingCapacity: true)
      if laterWork.isEmpty { swap(&work, &laterWork) }
    }
  }

  private func finishTurn() {
    while !endOfTurn.isEmpty {
      var work: [() -> Void] = []
      swap(&work, &endOfTurn)
      for action in work { action() }
      work.removeAll(keepingCapacity: true)
      if endOfTurn.isEmpty {
        swap(&work, &endOfTurn)
        break
      }
    }
  }
}

@available(*, unavailable)
extension Loop: Sendable {}
