import DequeModule
import Reactor

/// One loop's way into a mailbox, its own or another loop's: collects a turn's items and posts them together.
///
/// To the own loop neither lock nor wake is needed. It lives beside its users, so that it is specialised for what they
/// post: with it in another module a message cost half as many instructions again.
final class BatchingSender<Item: Sendable> {
  private let mailbox: Mailbox<Item>
  private let isLocal: Bool
  private unowned let loop: Loop
  private var outgoing: Deque<Item> = []
  private var spare: Deque<Item> = []
  /// Whether items for the own loop wait in the mailbox, because there was no receiver yet.
  private var isWaiting = false

  /// A way from `loop` into `mailbox`; must be made on `loop`'s thread.
  init(from loop: Loop, to mailbox: Mailbox<Item>) {
    self.mailbox = mailbox
    self.loop = loop
    isLocal = mailbox.handle === loop.handle
  }

  /// The item leaves at the end of this turn; to the own loop it is handed over within the turn, not within this call.
  func post(_ item: Item) {
    outgoing.append(item)
    guard outgoing.count == 1 else { return }
    if isLocal {
      loop.laterInTurn { [self] in handOver() }
    } else {
      loop.atEndOfTurn { [self] in mailbox.post(contentsOf: &outgoing) }
    }
  }

  private func handOver() {
    guard let receiver = mailbox.receiver else {
      isWaiting = true
      return mailbox.post(contentsOf: &outgoing)
    }
    if isWaiting {
      isWaiting = false
      mailbox.drain()
    }
    // Taken out, so that the receiver may post.
    var batch: Deque<Item> = []
    swap(&batch, &spare)
    swap(&batch, &outgoing)
    receiver(&batch)
    batch.removeAll(keepingCapacity: true)
    spare = batch
  }
}

@available(*, unavailable)
extension BatchingSender: Sendable {}
