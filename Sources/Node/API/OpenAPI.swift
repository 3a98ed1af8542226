import HTTPTypes
import JSON
import Model

/// The description of the HTTP API that programs read: OpenAPI 3.1, made of the table of routes.
enum OpenAPI {
  static func document(of table: RouteTable, version: String) -> String {
    var writer = ByteWriter(capacity: 32 << 10)
    writer.append(literal: #"{"openapi":"3.1.0","info":{"title":"Apus","version":"#)
    writer.append(quoting: version)
    writer.append(
      literal: #","description":"What a backend asks of an Apus cluster; any node answers for all of it."}"#)
    writer.append(literal: #","security":[{"key":[]}],"paths":{"#)
    var paths: [String] = []
    for route in table.routes where !paths.contains(route.path) { paths.append(route.path) }
    writer.append(paths) { path, writer in
      writer.append(quoting: path)
      writer.append(literal: ":{")
      writer.append(table.routes.filter { $0.path == path }) { write($0, to: &$1) }
      writer.append(literal: "}")
    }
    writer.append(
      literal: #"},"components":{"securitySchemes":{"key":{"type":"http","scheme":"bearer"}},"schemas":{"Error":"#)
    Schema.object([
      .init("code", .string(), "What it was, for programs."), .init("error", .string(), "A sentence, for people."),
    ]).write(to: &writer)
    writer.append(literal: "}}}")
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private static func write(_ route: Route, to writer: inout ByteWriter) {
    writer.append(quoting: route.method.rawValue.lowercased())
    writer.append(literal: #":{"summary":"#)
    writer.append(quoting: route.summary)
    writer.append(literal: #","parameters":"#)
    writer.append(list: route.parameters.map { ($0, "path") } + route.query.map { ($0, "query") }) {
      parameter, writer in
      writer.append(literal: #"{"name":"#)
      writer.append(quoting: parameter.0.name)
      writer.append(literal: #","in":"#)
      writer.append(quoting: parameter.1)
      writer.append(literal: parameter.1 == "path" ? #","required":true"# : "")
      writer.append(literal: #","description":"#)
      writer.append(quoting: parameter.0.meaning)
      writer.append(literal: #","schema":"#)
      parameter.0.schema.write(to: &writer)
      writer.append(literal: "}")
    }
    if let body = route.body {
      writer.append(literal: #","requestBody":{"required":"#)
      writer.append(literal: route.isBodyOptional ? "false" : "true")
      writer.append(literal: #","content":{"application/json":{"schema":"#)
      body.asBody.write(to: &writer)
      writer.append(literal: "}}}")
    }
    writer.append(literal: #","responses":{"200":{"description":"Done.","content":{"#)
    if route.isStream {
      writer.append(literal: #""text/event-stream":{"schema":{"type":"string"}"#)
    } else {
      writer.append(literal: #""application/json":{"schema":"#)
      Schema.object(route.answer).write(to: &writer)
    }
    writer.append(literal: "}}}")
    for status in statuses(of: route) {
      writer.append(literal: #",""#)
      writer.append(status)
      writer.append(literal: #"":{"description":"Refused, and nothing was done.","content":{"application/json":"#)
      writer.append(literal: ##"{"schema":{"$ref":"#/components/schemas/Error"}}}}"##)
    }
    writer.append(literal: "}}")
  }

  private static func statuses(of route: Route) -> [Int] {
    let always: [ErrorCode] = [
      .badRequest, .unauthenticated, .forbidden, .rateLimited, .unavailable, .timeout, .internal,
    ]
    var codes = Set((always + route.errors).map(\.httpStatus))
    if route.body != nil { codes.insert(413) }
    if route.method != .get { codes.insert(415) }
    return codes.sorted()
  }
}
