import Cluster
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Locks
import Server

/// Whether the node can serve, and what it waits for.
final class Health: Sendable {
  private let status: @Sendable () async -> BrokerStatus?
  private let draining = Lock(false)

  init(status: @escaping @Sendable () async -> BrokerStatus?) {
    self.status = status
  }

  /// From now on the node is not ready any more: it goes away.
  func beginDraining() {
    draining.withLock { $0 = true }
  }

  var isDraining: Bool { draining.withLock { $0 } }

  /// 200 when clients are served, else 503; names each thing the node depends on and what is wrong with it. `degraded`
  /// says that some is, and clients are served all the same: one Redis of several that is down must not take all nodes out.
  func readiness() async -> Response {
    let isDraining = isDraining
    let status = await status()
    var checks = (status?.dependencies ?? []).map { ($0.name, $0.failure) }
    checks.append(("draining", isDraining ? "the node is shutting down" : nil))
    let isReady = status?.isReady == true && !isDraining
    let members = checks.map { "\(JSONText.quoted($0)):\(JSONText.quoted($1 ?? "ok"))" }.joined(separator: ",")
    let degraded = isReady && status?.isDegraded == true ? #""degraded":true,"# : ""
    return .json(
      isReady ? .ok : .serviceUnavailable, #"{"ready":\#(isReady),\#(degraded)"dependencies":{\#(members)}}"#)
  }
}
