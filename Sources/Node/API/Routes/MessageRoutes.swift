import HTTPTypes
import Cluster
import JSON
import Model
import Protocol
import Reactor

/// Publishing: messages, many at once, and signals.
struct MessageRoutes: Sendable {
  /// The most messages of one request.
  static let maxMessages = 1000

  let cluster: ClusterAccess

  var all: [Route] { [message, messages, signal] }

  /// The members that say what is published.
  private static let message: [Schema.Member] = [
    .init("data", .anything, optional: true, "The message, any JSON value; or `binary`."),
    .init(
      "binary", .string(pattern: base64), optional: true, "The message in base64, for those who get binary frames."),
    .init(
      "key", .string(minBytes: 1, maxBytes: PublishCommand.maxKeyLength), optional: true,
      "A message with a key that was taken within the last five minutes is not taken again."),
    .init("from", .user, optional: true, "The user who publishes; nobody without."),
    .init("exclude", .client, optional: true, "The id of a connection that does not get it."),
  ]

  private static let base64 =
    "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"

  /// Either `data` or `binary`: null, a value of the one, stands for nothing in the other.
  private static let either =
    #""oneOf":[{"required":["data"],"properties":{"binary":{"type":"null"}}},"#
    + #"{"required":["binary"],"properties":{"binary":{"type":"string"}},"not":{"required":["data"]}}]"#

  private static let receipt: [Schema.Member] = [
    .init("channel", .string(), "Where it was published."),
    .init("epoch", .string(), optional: true, "Of the channel's history, where it keeps one."),
    .init("offset", .integer(1...Int(1) << 53), optional: true, "The number of the message in that history."),
    .init("duplicate", .boolean, optional: true, "True where the key was known: nothing was published again."),
  ]

  private var message: Route {
    Route(
      method: .post, path: "/api/channels/{channel}/messages", summary: "Publish a message to a channel.",
      body: .constrained(.object(Self.message), keywords: Self.either), answer: Self.receipt,
      errors: [.invalidChannel, .tooLarge]
    ) { (request) async throws(RouteError) in
      let channel = try request.channel()
      guard let body = request.body else { throw ClusterAccess.unexpected }
      let publication = try publication(of: body, to: channel.string)
      guard case .published(_, _, let receipt) = try await cluster.ask(.publish(publication)) else {
        throw ClusterAccess.unexpected
      }
      return Self.json(of: receipt, channel)
    }
  }

  private var messages: Route {
    let item: [Schema.Member] = [.init("channel", .string(), "Where it is published.")] + Self.message
    let result: [Schema.Member] =
      [
        .init("channel", .string(), optional: true, "Where it was published.")
      ] + Self.receipt.dropFirst() + [
        .init("code", .string(), optional: true, "Where it was not: why, for programs."),
        .init("error", .string(), optional: true, "And a sentence, for people."),
      ]
    return Route(
      method: .post, path: "/api/messages",
      summary: "Publish many messages at once; of those to one channel each comes after the one before it.",
      body: .object([
        .init(
          "messages", .array(.constrained(.object(item), keywords: Self.either), maxCount: Self.maxMessages),
          "As for one channel, each with its name.")
      ]),
      answer: [.init("results", .array(.object(result)), "One for each message, in order.")], errors: [.tooLarge]
    ) { (request) async throws(RouteError) in
      guard let items = request.body?.objects("messages") else { throw ClusterAccess.unexpected }
      // Everything is read before anything is published, so that a wrong shape does nothing.
      var publications: [Result<Publication, RouteError>] = []
      publications.reserveCapacity(items.count)
      for (index, item) in items.enumerated() { publications.append(try publication(ofItem: item, index)) }
      let answers = await cluster.ask(publications.compactMap { try? .publish($0.get()) })
      return try Self.text(publications, answers)
    }
  }

  /// What an element of a batch asks to publish, or why that cannot be; throws where its form is wrong.
  private func publication(ofItem item: JSONObject, _ index: Int) throws(RouteError) -> Result<Publication, RouteError>
  {
    do throws(RouteError) {
      return .success(try publication(of: item, to: item.string("channel") ?? ""))
    } catch {
      guard error.code != ErrorCode.badRequest.rawValue else {
        throw RouteError(.badRequest, "messages[\(index)]: \(error.message)")
      }
      return .failure(error)
    }
  }

  private static func text(
    _ publications: [Result<Publication, RouteError>], _ answers: [Result<Answer, Refusal>]
  ) throws(RouteError) -> String {
    var answers = answers[...]
    var refusals: [RouteError] = []
    var writer = ByteWriter(capacity: 64 + publications.count * 64)
    writer.append(literal: #"{"results":"#)
    writer.append(list: publications) { publication, writer in
      switch publication {
      case .failure(let error): write(error, to: &writer)
      case .success(let publication):
        switch answers.popFirst() {
        case .success(.published(_, _, let receipt)): append(receipt, publication.channel, to: &writer)
        case .failure(let refusal):
          refusals.append(RouteError(refusal))
          write(RouteError(refusal), to: &writer)
        case .success, nil: write(ClusterAccess.unexpected, to: &writer)
        }
      }
    }
    writer.append(byte: UInt8(ascii: "}"))
    // A backend that looks at the status alone must not take that for done. 504 where one may have been published.
    let isNothingSure = refusals.count == publications.count && refusals.allSatisfy { [503, 504].contains($0.status) }
    if isNothingSure, let refusal = refusals.max(by: { $0.status < $1.status }) { throw refusal }
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private static func write(_ error: RouteError, to writer: inout ByteWriter) {
    writer.append(literal: #"{"code":"#)
    writer.append(quoting: error.code)
    writer.append(member: "error", error.message)
    writer.append(byte: UInt8(ascii: "}"))
  }

  private var signal: Route {
    Route(
      method: .post, path: "/api/channels/{channel}/signals",
      summary: "Publish something fleeting, which is never kept.",
      body: .object([
        .init("event", .string(minBytes: 1, maxBytes: SignalCommand.maxEventLength), "What it is, such as `typing`."),
        .init("data", .anything, optional: true, "Any JSON value."),
      ]),
      answer: [], errors: [.invalidChannel, .tooLarge]
    ) { (request) async throws(RouteError) in
      let channel = try request.channel()
      _ = try cluster.rule(for: channel)
      guard let body = request.body, let event = body.string("event"), !event.isEmpty else {
        throw RouteError(.badRequest, "The member event must be a non-empty string.")
      }
      let data = body.json("data").map { Array($0.utf8) }
      try check(data ?? [])
      let text = data.map { $0.withUnsafeBytes { Self.signal(event, $0, channel) } } ?? Self.signal(event, nil, channel)
      let publication = Publication(channel: channel, kind: .signal, event: .finished(text))
      _ = try await cluster.ask(.publish(publication))
      return "{}"
    }
  }

  private static func signal(_ event: String, _ data: UnsafeRawBufferPointer?, _ channel: ChannelName) -> EventText {
    Interchange.signal(channel: channel, from: nil, client: nil, event: event, data: data)
  }

  /// What a body asks to publish; throws where the channel is out of reach, or a member wrong. What is wrong about its form
  /// comes first, whatever the channel.
  private func publication(of body: JSONObject, to name: String) throws(RouteError) -> Publication {
    let from = try body.string("from").map { (text) throws(RouteError) in try Self.user(text) }
    let key = body.string("key").map { IdempotencyKey(publisher: .server, key: $0) }
    let excluded = try body.string("exclude").map { (text) throws(RouteError) in try Self.client(text) }
    let content = try Self.content(of: body)
    guard let channel = ChannelName(name) else { throw RouteError(.invalidChannel, ChannelName.rule) }
    let rule = try cluster.rule(for: channel)
    try check(content.bytes)
    return Publication(
      channel: channel, kind: content.kind,
      event: content.event(
        channel, from, isDraft: rule.history != nil || key != nil, keepsHistory: rule.history != nil),
      excluded: excluded, history: rule.history, key: key)
  }

  /// What is published.
  private enum Content {
    case data([UInt8])
    case binary([UInt8])

    var bytes: [UInt8] {
      switch self {
      case .data(let bytes), .binary(let bytes): bytes
      }
    }

    var kind: Publication.Kind { if case .binary = self { .binary } else { .message } }

    /// Without history and key the place and the fate of a message are known here, and no script is needed.
    func event(
      _ channel: ChannelName, _ from: UserName?, isDraft: Bool, keepsHistory: Bool
    ) -> Publication.Event {
      switch self {
      case .binary(let payload): BinaryPublish.draft(payload, to: channel, keepsHistory: keepsHistory)
      case .data(let bytes):
        bytes.withUnsafeBytes { data in
          isDraft
            ? Interchange.draft(channel: channel, from: from, client: nil, data: data)
            : .finished(
              Interchange.message(
                channel: channel, from: from, client: nil, data: data, timestamp: Int(Sys.wallMilliseconds())))
        }
      }
    }
  }

  private static func content(of body: JSONObject) throws(RouteError) -> Content {
    switch (body.json("data"), body.string("binary")) {
    case (let data?, nil): return .data(Array(data.utf8))
    case (nil, let text?):
      guard let payload = Base64.decode(text) else {
        throw RouteError(.badRequest, "The member binary must be base64.")
      }
      return .binary(payload)
    case (nil, nil): throw RouteError(.badRequest, "One of the members data and binary must be there.")
    case (.some, .some): throw RouteError(.badRequest, "Only one of the members data and binary may be there.")
    }
  }

  private static func user(_ text: String) throws(RouteError) -> UserName {
    guard let user = UserName(text) else { throw RouteError(.badRequest, "The member from must be a user name.") }
    return user
  }

  private static func client(_ text: String) throws(RouteError) -> ClientID {
    guard let client = ClientID(checking: text) else {
      throw RouteError(.badRequest, "The member exclude must be the id of a connection, as `connected` tells it.")
    }
    return client
  }

  private func check(_ payload: [UInt8]) throws(RouteError) {
    guard payload.count <= cluster.maxMessageSize else {
      throw RouteError(.tooLarge, "The message must not be longer than \(cluster.maxMessageSize) bytes.")
    }
  }

  private static func json(of receipt: PublishReceipt, _ channel: ChannelName) -> String {
    var writer = ByteWriter(capacity: 128)
    append(receipt, channel, to: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private static func append(_ receipt: PublishReceipt, _ channel: ChannelName, to writer: inout ByteWriter) {
    writer.append(literal: #"{"channel":"#)
    writer.append(quoting: channel.string)
    if let position = receipt.position {
      writer.append(literal: #","epoch":"#)
      writer.append(quoting: position.epoch)
      writer.append(literal: #","offset":"#)
      writer.append(position.offset)
    }
    if receipt.isDuplicate { writer.append(literal: #","duplicate":true"#) }
    writer.append(literal: "}")
  }
}
