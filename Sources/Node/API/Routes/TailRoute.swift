import HTTPTypes
import HummingbirdCore
import Model
import NIOCore
import Server

/// What comes in a channel, for those who run the server.
struct TailRoute: Sendable {
  let cluster: ClusterAccess
  let streams: Streams

  var all: [Route] {
    [
      Route(
        .get, "/api/channels/{channel}/events", "Listen to a channel: a stream of Server-Sent Events.",
        query: [
          .init("presence", .string(values: ["watch"]), "Whether joins and leaves are told.")
        ], errors: [.invalidChannel, .rateLimited],
        .stream { (request, http, channel) async throws(RouteError) in
          let name = try request.channel()
          let rule = try cluster.rule(for: name)
          let mode: PresenceMode = request.query["presence"] == "watch" ? .watch : .none
          guard mode == .none || rule.hasPresence else {
            throw RouteError(.forbidden, "There is no presence in \(name).")
          }
          try await streams.openForOwner(StreamOpening.Channel(name, mode: mode), http, channel)
        })
    ]
  }
}
