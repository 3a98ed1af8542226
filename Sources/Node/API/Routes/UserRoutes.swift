import HTTPTypes
import Cluster
import JSON
import Model

/// What goes to users, in no channel.
struct UserRoutes: Sendable {
  let cluster: ClusterAccess

  var all: [Route] { [message, notification] }

  private static let data = Schema.object([.init("data", .anything, "The message, any JSON value.")])

  private var message: Route {
    Route(
      method: .post, path: "/api/users/{user}/messages",
      summary: "Send something to all connections of a user, on all nodes.", body: Self.data,
      answer: [.init("online", .boolean, "Whether the user had a connection.")], errors: [.tooLarge]
    ) { (request) async throws(RouteError) in
      let isOnline = try await send(request, to: .user(try request.user()))
      return #"{"online":\#(isOnline)}"#
    }
  }

  private var notification: Route {
    Route(
      method: .post, path: "/api/notifications", summary: "Send something to every connection of the cluster.",
      body: Self.data, answer: [], errors: [.tooLarge]
    ) { (request) async throws(RouteError) in
      _ = try await send(request, to: .everybody)
      return "{}"
    }
  }

  private func send(_ request: RouteRequest, to addressee: Addressee) async throws(RouteError) -> Bool {
    guard let data = request.body?.json("data") else { throw ClusterAccess.unexpected }
    guard data.utf8.count <= cluster.maxMessageSize else {
      throw RouteError(.tooLarge, "The member data must not be longer than \(cluster.maxMessageSize) bytes.")
    }
    let event = DirectEvent.notification(data: Array(data.utf8))
    guard case .sent(let isOnline) = try await cluster.ask(.send(event, to: addressee)) else {
      throw ClusterAccess.unexpected
    }
    return isOnline
  }
}
