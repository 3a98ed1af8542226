import JSON
import Model
import WebSocket

/// The protocol `apus.v1` from node to client: events and replies as WebSocket frames.
///
/// An event's text is what clients get already, so that only a header is put before it. A reply is written here; its members
/// stand in the order of the protocol's documentation, and its `id` is left out when the command had none.
package enum ApusCodec {
  /// The version of the protocol told in `connected`.
  package static let protocolVersion = 1

  /// The frame of an event; it shares the event's bytes.
  package static func frame(of event: ChannelEvent) -> Frame {
    frame(event.kind == .binary ? .binary : .text, event.text)
  }

  /// The frame of an event that belongs to no channel; it shares the event's bytes.
  package static func frame(of text: EventText) -> Frame {
    frame(.text, text)
  }

  private static func frame(_ opcode: Opcode, _ text: EventText) -> Frame {
    Frame(opcode, payload: text.bytes, of: text.owner)
  }

  /// The frame of a reply.
  package static func frame(of reply: Reply) -> Frame {
    var writer = ByteWriter(capacity: 256)
    write(reply, to: &writer)
    return FrameEncoder.text(writer.bytes)
  }

  /// The text of a reply.
  package static func json(of reply: Reply) -> String {
    var writer = ByteWriter(capacity: 1024)
    write(reply, to: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// The text of a reply to a command that goes by `name` here, with the id that its client has given it, or none.
  package static func json(of reply: Reply, to name: RequestID, id: RequestID?) -> String {
    let text = json(of: reply)
    // Right behind the type, as `begin` and `Interchange.appendHead` write it.
    guard let member = text.firstRange(of: #","id":\#(name.json)"#) else { return text }
    return text[..<member.lowerBound] + (id.map { #","id":\#($0.json)"# } ?? "") + text[member.upperBound...]
  }

  private static func write(_ reply: Reply, to writer: inout ByteWriter) {
    if case .rpc(let json) = reply { return writer.append(utf8: json) }
    writeObject(reply, to: &writer)
    writer.append(byte: UInt8(ascii: "}"))
  }

  /// Writes a reply but for its closing brace.
  private static func writeObject(_ reply: Reply, to writer: inout ByteWriter) {
    switch reply {
    case .connected(let greeting): write(greeting, to: &writer)
    case .subscribed(let id, let channel, let stream, let roster, let byServer):
      Interchange.appendHead("subscribed", id: id, channel: channel, to: &writer)
      if byServer { writer.append(literal: #","reason":"server""#) }
      if let stream { write(stream, to: &writer) }
      if let roster { Interchange.appendRoster(roster, to: &writer) }
    case .unsubscribed(let id, let channel):
      Interchange.appendHead("unsubscribed", id: id, channel: channel, to: &writer)
    case .unsubscribedByServer(let channel):
      Interchange.appendHead("unsubscribed", channel: channel, to: &writer)
      writer.append(literal: #","reason":"server""#)
    case .published(let id, let channel, let receipt):
      Interchange.appendHead("published", id: id, channel: channel, to: &writer)
      if let position = receipt.position { Interchange.append(position, to: &writer) }
      if receipt.isDuplicate { writer.append(literal: #","duplicate":true"#) }
    case .signalled(let id, let channel): Interchange.appendHead("signalled", id: id, channel: channel, to: &writer)
    case .sent(let id, let isOnline):
      begin("sent", id, &writer)
      writer.append(literal: isOnline ? #","online":true"# : #","online":false"#)
    case .history(let id, let channel, let read): write(read, of: channel, id, to: &writer)
    case .presence(let id, let channel, let roster):
      Interchange.appendHead("presence", id: id, channel: channel, to: &writer)
      Interchange.appendRoster(roster, to: &writer)
    case .authenticated(let id, let identity, let warning):
      begin("authenticated", id, &writer)
      writer.append(literal: #","user":"#)
      writer.append(quoting: identity.user.string)
      if let expires = identity.expires { append(#","expires":"#, Int(expires), &writer) }
      append(warning: warning, to: &writer)
    case .expiring(let left):
      begin("expiring", nil, &writer)
      append(#","in":"#, Int(left), &writer)
    case .pong(let id, let time):
      begin("pong", id, &writer)
      append(#","ts":"#, Int(time), &writer)
    case .response(let id, let result): write(result, id, to: &writer)
    case .rpc: break
    case .drain(let after):
      begin("drain", nil, &writer)
      append(#","after":"#, after, &writer)
    case .error(let refusal): write(refusal, to: &writer)
    }
  }

  /// The beginning of a reply that is of no channel.
  static func begin(_ type: StaticString, _ id: RequestID?, _ writer: inout ByteWriter) {
    writer.append(literal: #"{"type":""#)
    writer.append(literal: type)
    writer.append(byte: UInt8(ascii: "\""))
    Interchange.appendID(id, to: &writer)
  }

  static func append(_ key: StaticString, _ number: Int, _ writer: inout ByteWriter) {
    writer.append(literal: key)
    writer.append(number)
  }
}
