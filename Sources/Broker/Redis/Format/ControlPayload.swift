import Cluster
import JSON
import Model
import Protocol

/// What nodes tell one another, and each itself, on the control channels: `probe <number>`, or a line and something behind
/// it.
///
/// - `d <user>`, or `n` for everybody: an event as clients get it. `n <number>` where it comes by several Redis.
/// - `q <number> <node>`: a survey's question, and who asks. `a <number> <node>,<node>`: the answer to it, and the ids of
///   who answers. A node has several where it lost a lease in one of several Redis; the first is that of the first Redis.
package enum ControlPayload: Equatable, Sendable {
  case probe(UInt64)
  /// The event is the range of the payload. What comes by several Redis has a number, and counts once.
  case event(Addressee, number: UInt64?, Range<Int>)
  /// The text is the range of the payload; that of an answer may be empty. A question is from one id.
  case survey(SurveyPart, number: UInt64, from: [String], Range<Int>)

  package enum SurveyPart: Equatable, Sendable {
    case question, answer

    fileprivate var letter: StaticString { self == .question ? "q " : "a " }
  }

  /// What the lines begin with.
  static let letters: [UInt8] = Array("dnqa".utf8)

  /// How much longer than a client's message an event may be: what stands around its `data`.
  package static let maxEnvelope = 1024

  /// The longest line before a text: the ids that a node may have in 64 Redis.
  private static let maxLine = 8192

  /// Writes the line before an event, its newline included.
  package static func appendHeader(_ addressee: Addressee, number: UInt64? = nil, to writer: inout ByteWriter) {
    switch addressee {
    case .user(let user):
      writer.append(literal: "d ")
      writer.append(utf8: user.string)
    case .everybody: writer.append(literal: "n")
    }
    if let number {
      writer.append(byte: UInt8(ascii: " "))
      writer.append(utf8: String(number))
    }
    writer.append(byte: UInt8(ascii: "\n"))
  }

  /// A question, or an answer.
  static func survey(_ part: SurveyPart, number: UInt64, from nodes: [String], _ text: [UInt8]) -> [UInt8] {
    var writer = ByteWriter(capacity: text.count + 64)
    writer.append(literal: part.letter)
    writer.append(utf8: String(number))
    writer.append(byte: UInt8(ascii: " "))
    writer.append(utf8: nodes.joined(separator: ","))
    writer.append(byte: UInt8(ascii: "\n"))
    text.withUnsafeBytes { writer.append($0) }
    return writer.bytes
  }

  /// What `bytes` tell; nil when it is nothing that a node says, or longer than a message of `maxMessageSize` makes it.
  ///
  /// Whoever may write in Redis can publish there, so that an event is looked at before clients get it: it must be valid
  /// JSON in UTF-8, and of one of the two types that come this way, not of a second one besides.
  package static func parse(_ bytes: UnsafeRawBufferPointer, maxMessageSize: Int) -> ControlPayload? {
    if let number = bytes.after("probe ") {
      return UInt64(String(decoding: number, as: UTF8.self)).map(ControlPayload.probe)
    }
    guard let newline = bytes.prefix(maxLine).firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let line = UnsafeRawBufferPointer(rebasing: bytes[..<newline])
    let text = UnsafeRawBufferPointer(rebasing: bytes[(newline + 1)...])
    for part in [SurveyPart.question, .answer] {
      guard let rest = line.after(part.letter) else { continue }
      return survey(part, rest, newline + 1..<bytes.count)
    }
    guard text.count <= maxMessageSize + maxEnvelope else { return nil }
    let isNotification = text.after(#"{"type":"notification","#) != nil
    let addressee: Addressee
    var number: UInt64?
    if line.equals("n"), isNotification {
      addressee = .everybody
    } else if let digits = line.after("n "), isNotification {
      let text = String(decoding: digits, as: UTF8.self)
      guard let value = UInt64(text), String(value) == text else { return nil }
      (addressee, number) = (.everybody, value)
    } else if let name = line.after("d "), isNotification || text.after(#"{"type":"direct","#) != nil,
      let user = String(validating: name, as: UTF8.self).flatMap(UserName.init)
    {
      addressee = .user(user)
    } else {
      return nil
    }
    guard Interchange.isUTF8(text), hasOneType(text) else { return nil }
    return .event(addressee, number: number, newline + 1..<bytes.count)
  }

  private static func survey(
    _ part: SurveyPart, _ line: UnsafeRawBufferPointer, _ text: Range<Int>
  ) -> ControlPayload? {
    let fields = String(decoding: line, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
    guard fields.count == 2, let number = UInt64(fields[0]), text.count <= Survey.maxBytes else { return nil }
    let nodes = fields[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard nodes.allSatisfy(NodeID.isValid), part == .answer || nodes.count == 1 else { return nil }
    return .survey(part, number: number, from: nodes, text)
  }

  /// Whether `text` is a JSON object whose member `type` is there once.
  private static func hasOneType(_ text: UnsafeRawBufferPointer) -> Bool {
    guard var members = JSONMembers(text) else { return false }
    var types = 0
    while true {
      switch members.next() {
      case .member(let key, _): if members.scanner.string(key, is: "type") { types += 1 }
      case .end: return types == 1
      case .malformed: return false
      }
    }
  }
}

extension UnsafeRawBufferPointer {
  /// What follows `prefix`; nil where these bytes do not begin with it.
  fileprivate func after(_ prefix: StaticString) -> UnsafeRawBufferPointer? {
    let length = prefix.utf8CodeUnitCount
    guard count >= length, UnsafeRawBufferPointer(rebasing: self[..<length]).equals(prefix) else { return nil }
    return UnsafeRawBufferPointer(rebasing: self[length...])
  }
}
