/// A Cluster as one of its servers sees it: the answer to `CLUSTER INFO`.
package struct ClusterState: Equatable, Sendable {
  /// Whether the server takes commands for the slots that it owns.
  package let isOK: Bool
  /// Higher after every failover and every move of a slot.
  package let currentEpoch: Int

  /// Nil where one of the two is missing.
  package init?(_ info: String) {
    guard let state = InfoText.field("cluster_state", of: info),
      let epoch = InfoText.field("cluster_current_epoch", of: info).flatMap({ Int($0) })
    else { return nil }
    isOK = state == "ok"
    currentEpoch = epoch
  }
}
