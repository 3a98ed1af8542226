import JSON
import Model
import WebSocket

/// The longer replies.
extension ApusCodec {
  static func write(_ greeting: Greeting, to writer: inout ByteWriter) {
    writer.append(literal: #"{"type":"connected","clientId":"#)
    writer.append(quoting: greeting.client.string)
    if let author = greeting.author {
      writer.append(literal: #","author":"#)
      writer.append(quoting: author.string)
    }
    writer.append(literal: #","node":"#)
    writer.append(quoting: greeting.node.string)
    writer.append(literal: #","user":"#)
    Interchange.appendName(greeting.user, to: &writer)
    append(#","protocol":"#, protocolVersion, &writer)
    append(#","pingInterval":"#, Int(greeting.pingInterval), &writer)
    append(#","maxMessageSize":"#, greeting.maxMessageSize, &writer)
    append(warning: greeting.warning, to: &writer)
  }

  /// A sentence for people, or nothing.
  static func append(warning: String?, to writer: inout ByteWriter) {
    guard let warning else { return }
    writer.append(literal: #","warning":"#)
    writer.append(quoting: warning)
  }

  /// `recovered` is left out for who did not ask for what was missed.
  static func write(_ stream: SubscribedStream, to writer: inout ByteWriter) {
    Interchange.append(stream.position, to: &writer)
    if let isRecovered = stream.isRecovered {
      writer.append(literal: isRecovered ? #","recovered":true"# : #","recovered":false"#)
    }
  }

  /// What a method has brought about, or why it has not: JSON text that goes out as it is.
  static func write(_ result: Result<String, MethodError>, _ id: RequestID?, to writer: inout ByteWriter) {
    begin("response", id, &writer)
    switch result {
    case .success(let json):
      writer.append(literal: #","result":"#)
      writer.append(utf8: json)
    case .failure(let error):
      writer.append(literal: #","error":"#)
      writer.append(utf8: error.json)
    }
  }

  static func write(_ refusal: Refusal, to writer: inout ByteWriter) {
    begin("error", refusal.id, &writer)
    if let channel = refusal.channel, refusal.id == nil {
      writer.append(literal: #","channel":"#)
      writer.append(quoting: channel.string)
    }
    writer.append(literal: #","code":"#)
    writer.append(quoting: refusal.code.rawValue)
    writer.append(literal: #","error":"#)
    writer.append(quoting: refusal.message)
    writer.append(literal: #","temporary":"#)
    writer.append(literal: refusal.code.isTemporary ? "true" : "false")
    if let retryAfter = refusal.retryAfter { append(#","retryAfter":"#, retryAfter, &writer) }
  }

  static func write(_ read: HistoryRead, of channel: ChannelName, _ id: RequestID?, to writer: inout ByteWriter) {
    Interchange.appendHead("history", id: id, channel: channel, to: &writer)
    Interchange.append(read.latest, to: &writer)
    if read.isReset { writer.append(literal: #","reset":true"#) }
    writer.append(literal: #","messages":["#)
    var isFirst = true
    for entry in read.entries {
      if !isFirst { writer.append(byte: UInt8(ascii: ",")) }
      isFirst = false
      entry.text.withBytes { text in
        entry.isBinary ? appendBinary(text, entry, channel, to: &writer) : writer.append(text)
      }
    }
    writer.append(byte: UInt8(ascii: "]"))
  }

  /// A binary message among the texts of a history.
  private static func appendBinary(
    _ bytes: UnsafeRawBufferPointer, _ entry: HistoryEntry, _ channel: ChannelName, to writer: inout ByteWriter
  ) {
    Interchange.appendHead("message", channel: channel, to: &writer)
    writer.append(literal: #","binary":""#)
    writer.append(utf8: Base64.encode(BinaryMessage(bytes)?.payload ?? []))
    append(#"","offset":"#, entry.offset, &writer)
    append(#","ts":"#, Int(entry.time), &writer)
    writer.append(byte: UInt8(ascii: "}"))
  }
}
