import HTTPTypes

/// What the key of a request may do.
enum AccessRoute {
  static let route = Route(
    method: .get, path: "/api/access", summary: "Tell what the key of this request may do.",
    answer: [.init("access", .string(values: ["full", "read"]), "Everything, or only GET.")]
  ) { (request) async throws(RouteError) in
    #"{"access":"\#(request.rights.rawValue)"}"#
  }
}
