import Glibc
import JSON
import Locks
import Logging
import Reactor

/// Writes log lines to the standard error output from a thread of its own.
///
/// A loop that logs only puts a line into a queue; when the queue is full the line is dropped and the drop told, so a
/// stalled terminal or disk never blocks a loop.
package final class BackgroundLog: Sendable {
  package enum Format: String, Sendable, CaseIterable {
    case text, json
  }

  private struct Queue {
    var lines: [String] = []
    var dropped = 0
    var isWriting = false
  }

  /// Lines that may wait.
  private static let capacity = 4096

  private let queue = Lock(Queue())

  package init() {}

  /// Puts a finished line into the queue.
  func write(_ line: String) {
    let starts = queue.withLock { queue in
      guard queue.lines.count < Self.capacity else {
        queue.dropped += 1
        return false
      }
      queue.lines.append(line)
      defer { queue.isWriting = true }
      return !queue.isWriting
    }
    if starts { startWriting() }
  }

  /// Writes everything that waits; for the end of the process.
  package func flush() {
    // A writer that is at work empties the queue; this one helps and then waits for it a moment.
    drain()
    for _ in 0..<100 where queue.withLock({ $0.isWriting }) { usleep(2000) }
  }

  /// A thread lives as long as there is something to write: logs are rare, and an idle node has none.
  private func startWriting() {
    do {
      try DetachedThread.start { self.drain() }
    } catch {
      drain()
    }
  }

  private func drain() {
    while true {
      let (lines, dropped) = queue.withLock { queue in
        defer {
          if queue.lines.isEmpty { queue.isWriting = false }
          queue.lines = []
          queue.dropped = 0
        }
        return (queue.lines, queue.dropped)
      }
      if lines.isEmpty { return }
      var text = lines.joined()
      if dropped > 0 { text += "(\(dropped) log lines dropped: the output is too slow)\n" }
      var bytes = Array(text.utf8)[...]
      while !bytes.isEmpty {
        let written = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        if written <= 0 {
          if written < 0, errno == EINTR { continue }
          break
        }
        bytes = bytes.dropFirst(written)
      }
    }
  }
}

/// A swift-log handler that formats a line and leaves it to a `BackgroundLog`.
package struct LineLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel: Logger.Level
  private let label: String
  private let log: BackgroundLog
  private let format: BackgroundLog.Format

  package init(label: String, level: Logger.Level, format: BackgroundLog.Format, log: BackgroundLog) {
    self.label = label
    self.logLevel = level
    self.format = format
    self.log = log
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    let details = metadata.merging(event.metadata ?? [:]) { $1 }
    log.write(Self.line(event.level, "\(event.message)", details, at: Self.timestamp(), format))
  }

  /// One line, whatever peers have put into the message and the details.
  static func line(
    _ level: Logger.Level, _ message: String, _ details: Logger.Metadata, at time: String,
    _ format: BackgroundLog.Format
  ) -> String {
    let details = details.sorted { $0.key < $1.key }
    switch format {
    case .text:
      let text = message + details.map { " \($0.key)=\($0.value)" }.joined()
      return "\(time) \(level) \(text.printable)\n"
    case .json:
      let members = details.map { ",\(JSONText.quoted($0.key)):\(JSONText.quoted("\($0.value)"))" }.joined()
      let head = #"{"time":"\#(time)","level":"\#(level)","message":\#(JSONText.quoted(message))"#
      return (head + members + "}").printableJSON + "\n"
    }
  }

  /// RFC 3339 in UTC with milliseconds.
  private static func timestamp() -> String {
    let milliseconds = Sys.wallMilliseconds()
    var seconds = time_t(milliseconds / 1000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let fraction = String(1000 + milliseconds % 1000).dropFirst()
    return "\(1900 + parts.tm_year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
      + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(fraction)Z"
  }
}
