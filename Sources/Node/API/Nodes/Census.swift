import Hub

/// The channels of this node and how many subscribers each has, counted when somebody asks, and at most four times a
/// second: each loop goes through its whole table for it.
actor Census {
  private static let lifetime = Duration.milliseconds(250)

  private let count: @Sendable () async -> [[ChannelSize]]
  private var latest: Task<[ChannelSize], Never>?
  private var began = ContinuousClock.now

  init(_ count: @escaping @Sendable () async -> [[ChannelSize]]) {
    self.count = count
  }

  /// Each channel once.
  func sizes() async -> [ChannelSize] {
    if let latest, ContinuousClock.now - began < Self.lifetime { return await latest.value }
    began = .now
    let task = Task { [count] in
      let loops = await count()
      return loops.count == 1 ? loops[0] : ChannelPage.sum(loops.flatMap(\.self))
    }
    latest = task
    Task {
      // A hundred thousand channels are some megabytes.
      try? await Task.sleep(for: Self.lifetime)
      forget(task)
    }
    return await task.value
  }

  private func forget(_ task: Task<[ChannelSize], Never>) {
    if latest == task { latest = nil }
  }
}
