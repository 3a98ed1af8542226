import JSON
import Model

/// A request that has been checked by what its route takes.
struct RouteRequest: Sendable {
  /// What its key may do.
  let rights: APIKeys.Rights
  /// The parameters of the path, decoded.
  let path: [String: String]
  /// The members of the query, decoded.
  let query: [String: String]
  /// Nil where the route takes none.
  let body: JSONObject?

  /// The channel in the path; throws where it is no name, or one that belongs to the server.
  func channel() throws(RouteError) -> ChannelName {
    guard let name = path["channel"].flatMap(ChannelName.init) else {
      throw RouteError(.invalidChannel, ChannelName.rule)
    }
    return name
  }

  /// The user in the path.
  func user() throws(RouteError) -> UserName {
    guard let user = path["user"].flatMap(UserName.init) else {
      throw RouteError(
        .badRequest, "A user name is 1 to \(UserName.maxLength) bytes of UTF-8 without control characters.")
    }
    return user
  }

  /// A number of the query, whose form has been checked.
  func number(_ name: String, default: Int) -> Int {
    query[name].flatMap { Int($0) } ?? `default`
  }

  /// The members of a query, `a=b&c=d`, decoded once, each in its form.
  static func query(_ text: String?, of route: Route) throws(RouteError) -> [String: String] {
    var members: [String: String] = [:]
    guard let pairs = QueryPart.members(of: text) else { throw .malformedQuery }
    for (name, value) in pairs {
      guard let parameter = route.query.first(where: { $0.name == name }) else {
        let known = route.query.map(\.name).joined(separator: ", ")
        let hint = known.isEmpty ? "This path takes none." : "It takes \(known)."
        throw RouteError(.badRequest, "There is no query member \(JSONText.quoted(name)). \(hint)")
      }
      guard members.updateValue(value, forKey: name) == nil else {
        throw RouteError(.badRequest, "The query member \(name) must not occur twice.")
      }
      guard parameter.schema.accepts(query: value) else {
        throw RouteError(.badRequest, "The query member \(name) must be \(parameter.schema.phrase).")
      }
    }
    return members
  }

  /// A body that has the members of the route, each in its form; others are ignored.
  static func body(_ bytes: [UInt8], of schema: Schema) throws(RouteError) -> JSONObject {
    guard let text = String(validating: bytes, as: UTF8.self), let object = JSONObject(text) else {
      throw RouteError(
        .badRequest, "The body must be a JSON object in UTF-8, nested at most \(JSONScanner.maxDepth) levels deep.")
    }
    try check(object, schema.members ?? [])
    return object
  }

  static func check(_ object: JSONObject, _ members: [Schema.Member]) throws(RouteError) {
    guard object.isUnambiguous else { throw RouteError(.badRequest, "A member must not occur twice.") }
    for member in members {
      if member.isRequired, object.kind(member.name) == nil {
        throw RouteError(.badRequest, "The member \(member.name) is missing.")
      }
      if let fault = member.schema.fault(of: member.name, in: object, isRequired: member.isRequired) {
        throw RouteError(.badRequest, fault)
      }
      if case .array(let element, _) = member.schema, let members = element.members {
        try checkElements(of: object, member, members)
      }
    }
  }

  private static func checkElements(
    of object: JSONObject, _ member: Schema.Member, _ members: [Schema.Member]
  ) throws(RouteError) {
    for (index, element) in (object.objects(member.name) ?? []).enumerated() {
      do {
        try check(element, members)
      } catch {
        throw RouteError(.badRequest, "\(member.name)[\(index)]: \(error.message)")
      }
    }
  }
}
