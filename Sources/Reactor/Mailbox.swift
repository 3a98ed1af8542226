import DequeModule
import Locks

/// Where the items for one receiver on one loop arrive, from any thread.
///
/// Posting takes one lock and, when the loop has not been woken yet, one eventfd write; the loop takes the whole batch
/// at once. Items of one sender stay in order. Queues change hands, so a steady flow allocates nothing. Batches are
/// what this generic class touches, and single items only where a batch comes before the last was taken: code that is
/// not specialised for its types, as this is not for those of other modules, looks them up at run time. `@unchecked
/// Sendable`: `spare` and `receiver` are touched only on the loop's thread.
package final class Mailbox<Item: Sendable>: @unchecked Sendable, MailboxDrain {
  package let handle: LoopHandle
  private let waiting = Lock<Deque<Item>>([])
  private var spare: Deque<Item> = []
  /// Who gets the items, a batch at a time; nil until there is somebody.
  package private(set) var receiver: ((inout Deque<Item>) -> Void)?

  /// A mailbox of that loop; must be called on the loop's thread.
  package init(on loop: Loop) {
    handle = loop.handle
    loop.attach(self)
  }

  /// Says who gets the items, in batches; before that they wait. The receiver may take the items out of a batch, which
  /// saves copying them. Must be called on the loop's thread.
  package func receiveBatches(_ receiver: @escaping (inout Deque<Item>) -> Void) {
    self.receiver = receiver
    // What came before has woken the loop in vain.
    handle.wake()
  }

  /// Says who gets the items, one by one.
  package func receive(_ receiver: @escaping (Item) -> Void) {
    receiveBatches { batch in for item in batch { receiver(item) } }
  }

  /// Leaves items from any thread and empties the queue; its memory may be another's then.
  package func post(contentsOf items: inout Deque<Item>) {
    guard !items.isEmpty else { return }
    waiting.withLock { if $0.isEmpty { swap(&$0, &items) } else { $0.append(contentsOf: items) } }
    items.removeAll(keepingCapacity: true)
    handle.wake()
  }

  /// Leaves one item from any thread.
  package func post(_ item: Item) {
    waiting.withLock { $0.append(item) }
    handle.wake()
  }

  /// Hands over what waits, in the midst of a turn. Must be called on the loop's thread.
  package func drain() {
    guard let receiver else { return }
    // Taken out, so that a receiver that comes back here finds the mailbox consistent.
    var batch: Deque<Item> = []
    swap(&batch, &spare)
    waiting.withLock { swap(&$0, &batch) }
    if !batch.isEmpty {
      receiver(&batch)
      batch.removeAll(keepingCapacity: true)
    }
    spare = batch
  }
}

/// What a loop needs of its mailboxes, whatever their items.
protocol MailboxDrain: AnyObject {
  func drain()
}
