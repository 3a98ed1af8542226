import Synchronization

/// Whether an HTTP connection may stay open for another request.
///
/// An idle one costs about 20 KB, fifty times what an idle WebSocket does, so only so many are kept: beyond that each
/// is closed behind its answer, and nobody is kept from getting one.
final class KeepAlive: Sendable {
  private static let limit = 256

  private let connections = Atomic(0)

  var isAllowed: Bool { connections.load(ordering: .relaxed) <= Self.limit }

  func enter() {
    connections.wrappingAdd(1, ordering: .relaxed)
  }

  func leave() {
    connections.wrappingSubtract(1, ordering: .relaxed)
  }
}
