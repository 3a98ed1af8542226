import HTTPTypes

/// Every route of the HTTP API, in the order in which the documentation tells them.
struct RouteTable: Sendable {
  let routes: [Route]

  init(_ cluster: ClusterAccess, _ streams: Streams) {
    routes =
      MessageRoutes(cluster: cluster).all + ChannelRoutes(cluster: cluster).all
      + TailRoute(cluster: cluster, streams: streams).all + PresenceRoutes(cluster: cluster).all
      + HistoryRoutes(cluster: cluster).all + UserRoutes(cluster: cluster).all
      + ConnectionRoutes(cluster: cluster).all + NodeRoutes(cluster: cluster).all + [AccessRoute.route]
  }

  /// The routes of the path that these segments are, one for each method; none where there is no such path.
  func routes(of segments: [Substring]) -> [Route] {
    routes.filter { route in
      let pattern = route.path.split(separator: "/")
      return pattern.count == segments.count && zip(pattern, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
  }
}
