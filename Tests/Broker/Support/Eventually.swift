import Testing

/// Whether the condition comes true.
///
/// The limit is many times what anything here takes, so that only what never happens fails.
/// Asked ever more seldom: hundreds of tests ask at a time, and what they wait for needs the processor, too.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
  let end = ContinuousClock.now + .seconds(60)
  var pause = Duration.milliseconds(5)
  while true {
    if try await condition() { return true }
    if ContinuousClock.now > end { return false }
    try await Task.sleep(for: pause)
    pause = min(pause * 1.3, .milliseconds(100))
  }
}

/// Waits until the condition comes true and ends the test with `complaint` when it does not.
func wait(
  until condition: () async throws -> Bool, _ complaint: @autoclosure () async throws -> String,
  at sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  guard try await !eventually(condition) else { return }
  let words = try await complaint()
  Issue.record("\(words)", sourceLocation: sourceLocation)
  throw NeverHappened()
}

/// What a test waited for did not come; the issue recorded before says what.
struct NeverHappened: Error {}
