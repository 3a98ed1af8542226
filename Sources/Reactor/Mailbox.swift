/// Where the items for one receiver on one loop arrive, from any thread.
///
/// Posting takes one lock and, when the loop has not been woken yet, one eventfd write; the loop takes the whole batch
/// at once. Items of one sender stay in order. Two arrays take turns, so a steady flow allocates nothing.
/// `@unchecked Sendable`: `draining` and `receiver` are touched only on the loop's thread.
package final class Mailbox<Item: Sendable>: @unchecked Sendable, MailboxDrain {
  package let handle: LoopHandle
  private let waiting = Lock<[Item]>([])
  private var draining: [Item] = []
  private var local: [Item] = []
  private var receiver: ((Item) -> Void)?

  /// A mailbox of that loop; must be called on the loop's thread.
  package init(on loop: Loop) {
    handle = loop.handle
    loop.attach(self)
  }

  /// Says who gets the items; before that they wait. Must be called on the loop's thread.
  package func receive(_ receiver: @escaping (Item) -> Void) {
    self.receiver = receiver
    // What came before has woken the loop in vain.
    handle.wake()
  }

  /// Leaves items from any thread and empties the array, keeping its memory.
  package func post(contentsOf items: inout [Item]) {
    guard !items.isEmpty else { return }
    waiting.withLock { $0.append(contentsOf: items) }
    items.removeAll(keepingCapacity: true)
    handle.wake()
  }

  /// Leaves one item from any thread.
  package func post(_ item: Item) {
    waiting.withLock { $0.append(item) }
    handle.wake()
  }

  /// Leaves an item from the mailbox's own loop, with neither lock nor wake; handed over later in the same turn.
  func postLocally(_ item: Item) {
    assert(handle.isCurrent, "only the loop itself may leave out the lock")
    local.append(item)
  }

  func drainShared() {
    guard receiver != nil else { return }
    waiting.withLock { swap(&$0, &draining) }
    deliverDraining()
  }

  func drainLocal() -> Bool {
    guard receiver != nil, !local.isEmpty else { return false }
    swap(&local, &draining)
    deliverDraining()
    return true
  }

  var hasLocal: Bool { receiver != nil && !local.isEmpty }

  private func deliverDraining() {
    guard let receiver, !draining.isEmpty else { return }
    // Taken out, so that a receiver that posts to its own mailbox finds it consistent.
    var batch: [Item] = []
    swap(&batch, &draining)
    for item in batch { receiver(item) }
    batch.removeAll(keepingCapacity: true)
    if draining.isEmpty { swap(&batch, &draining) }
  }
}

/// What a loop needs of its mailboxes, whatever their items.
protocol MailboxDrain: AnyObject {
  /// Hands over what other threads have posted.
  func drainShared()
  /// Hands over what the loop itself has posted; false when there was nothing.
  func drainLocal() -> Bool
  /// Whether the loop itself has posted something that waits.
  var hasLocal: Bool { get }
}

/// One loop's way into a mailbox, its own or another loop's: collects a turn's items and posts them together.
package final class Postbox<Item: Sendable> {
  private let mailbox: Mailbox<Item>
  private let isLocal: Bool
  private var outgoing: [Item] = []
  private unowned let loop: Loop

  /// A way from `loop` into `mailbox`; must be made on `loop`'s thread.
  package init(from loop: Loop, to mailbox: Mailbox<Item>) {
    self.mailbox = mailbox
    self.loop = loop
    isLocal = mailbox.handle === loop.handle
  }

  /// The item leaves at the end of this turn; to the own loop it is handed over within the turn.
  package func post(_ item: Item) {
    if isLocal { return mailbox.postLocally(item) }
    if outgoing.isEmpty { loop.atEndOfTurn { [self] in mailbox.post(contentsOf: &outgoing) } }
    outgoing.append(item)
  }
}

@available(*, unavailable)
extension Postbox: Sendable {}
