/// Lets in only so many at a time; the others wait in the order in which they came.
actor Turnstile {
  private var places: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(places: Int) {
    self.places = places
  }

  /// Runs `body` when there is a place.
  nonisolated func pass(_ body: () async throws -> Void) async throws {
    await enter()
    do { try await body() } catch {
      await leave()
      throw error
    }
    await leave()
  }

  private func enter() async {
    if places > 0 {
      places -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  private func leave() {
    // The place goes on to the next.
    if waiting.isEmpty { places += 1 } else { waiting.removeFirst().resume() }
  }
}
