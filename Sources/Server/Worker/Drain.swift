/// A worker's part of the node's going away; times are the loop's.
struct Drain {
  /// When new handshakes began to be refused; nil while the node stays.
  private(set) var began: Int64?
  /// Until when connections that wait for answers are kept.
  private(set) var end: Int64 = 0
  private var done: (() -> Void)?

  var hasBegun: Bool { began != nil }

  /// Clients are let go until `end`; `done` is called when the last connection has gone.
  mutating func begin(now: Int64, until end: Int64, done: @escaping () -> Void) {
    began = now
    self.end = end
    self.done = done
  }

  /// What is to be called once the last connection has gone, once.
  mutating func takeDone() -> (() -> Void)? {
    done.take()
  }
}
