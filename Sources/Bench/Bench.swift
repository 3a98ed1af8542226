import Reactor

/// The load generator: runs a plan on a thread of its own.
package enum Bench {
  /// Runs the plan to its end; `onProgress` is called a few times a second, on another thread.
  ///
  /// Throws a `BenchError` when the load could not be brought up.
  package static func run(
    _ plan: BenchPlan, onProgress: @escaping @Sendable (BenchProgress) -> Void
  ) async throws -> BenchReport {
    if let flaw = plan.flaw { throw BenchError(description: flaw) }
    let limit = Sys.raiseDescriptorLimit()
    let needed = plan.connections + plan.publishers + descriptorsBesides
    guard needed <= limit else {
      throw BenchError(
        description: "\(needed) open files are needed, \(limit) are allowed: raise ulimit -Hn or use several machines.")
    }
    Sys.reserveDescriptors(needed)
    let (results, end) = AsyncStream<Result<BenchReport, BenchError>>.makeStream()
    let thread = try LoopThread.start("apus-bench") { loop in
      let run = BenchRun(plan, on: loop, onProgress: onProgress) { end.yield($0) }
      run.start()
      return run
    }
    for await result in results {
      thread.stop()
      return try result.get()
    }
    throw BenchError(description: "The run was cancelled.")
  }

  /// Open files that a run needs besides its connections, generously.
  private static let descriptorsBesides = 32
}
