import Bench
import Glibc

/// One line on a terminal that shows how far a run is; into a file or a pipe it writes nothing.
struct ProgressBar: Sendable {
  private static let width = 30
  private let isTerminal = isatty(STDERR_FILENO) == 1

  func show(_ progress: BenchProgress) {
    switch progress {
    case .connecting(let done, let total):
      draw(Double(done) / Double(max(1, total)), "connecting \(done) of \(total)")
    case .publishing(let part, let delivered): draw(part, "\(delivered) delivered")
    case .waiting(let missing): draw(1, "waiting for \(missing)")
    }
  }

  /// Leaves an empty line for what is printed next.
  func clear() {
    put("\r\u{1B}[K")
  }

  private func draw(_ part: Double, _ words: String) {
    let filled = Int(part * Double(Self.width))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: Self.width - filled)
    put("\r[\(bar)] \(words)\u{1B}[K")
  }

  private func put(_ text: String) {
    guard isTerminal else { return }
    var text = text
    _ = text.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
