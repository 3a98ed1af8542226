import JSON
import Model

/// What stands before the event text in a message between nodes: `<kind> <epoch|-> <offset|-> <excluded|->` and a
/// newline. This is version 1; a later one has a digit after the kind.
///
/// A payload that begins with `{` has no such header: it is data of somebody else's, for the caller to check and wrap.
package struct BrokerPayload: Equatable, Sendable {
  package enum Kind: Sendable, CaseIterable {
    case message
    case signal
    case presence
    case binary
    /// No event: the history was thrown away, and goes on after this position.
    case cleared

    fileprivate var letter: UInt8 {
      switch self {
      case .message: UInt8(ascii: "m")
      case .signal: UInt8(ascii: "s")
      case .presence: UInt8(ascii: "p")
      case .binary: UInt8(ascii: "b")
      case .cleared: UInt8(ascii: "c")
      }
    }
  }

  /// The longest epoch or client id, in bytes.
  package static let maxTokenLength = 64

  package var kind: Kind
  /// Where the channel keeps history: letters, digits, `-`, `_` and `.`, but not `-` alone.
  package var epoch: String?
  /// The message's place under the epoch, from 1, and 0 where the history was cleared; there when and only when the epoch
  /// is.
  package var offset: Int?
  /// The connection that is not to have the event; its id is of the same characters as an epoch.
  package var excluded: ClientID?

  package init(_ kind: Kind, epoch: String? = nil, offset: Int? = nil, excluded: ClientID? = nil) {
    self.kind = kind
    self.epoch = epoch
    self.offset = offset
    self.excluded = excluded
  }

  /// The message's position in the channel's history, where it is kept.
  package var position: StreamPosition? {
    guard let epoch, let offset else { return nil }
    return StreamPosition(epoch: epoch, offset: offset)
  }

  /// Writes the header line, its newline included; the event text belongs right behind it.
  package func appendHeader(to writer: inout ByteWriter) {
    writer.append(byte: kind.letter)
    writer.append(byte: UInt8(ascii: " "))
    writer.append(utf8: epoch ?? "-")
    writer.append(byte: UInt8(ascii: " "))
    if let offset {
      writer.append(offset)
    } else {
      writer.append(byte: UInt8(ascii: "-"))
    }
    writer.append(byte: UInt8(ascii: " "))
    writer.append(utf8: excluded?.string ?? "-")
    writer.append(byte: UInt8(ascii: "\n"))
  }

  /// The header of `bytes`, a whole payload, and the range of the event text behind it.
  ///
  /// Nil when the header differs in anything from what `appendHeader` writes, or nothing follows it. The text itself
  /// is not looked at.
  package static func parse(_ bytes: UnsafeRawBufferPointer) -> (payload: BrokerPayload, text: Range<Int>)? {
    guard bytes.count >= 2, bytes[1] == UInt8(ascii: " "),
      let kind = Kind.allCases.first(where: { $0.letter == bytes[0] })
    else { return nil }
    var rest = bytes[2...]
    guard let epoch = field(of: &rest, endingWith: UInt8(ascii: " ")),
      let offset = field(of: &rest, endingWith: UInt8(ascii: " ")),
      let excluded = field(of: &rest, endingWith: UInt8(ascii: "\n")), !rest.isEmpty
    else { return nil }
    var payload = BrokerPayload(kind)
    switch (epoch, offset) {
    case ("-", "-"): if kind == .cleared { return nil }
    case ("-", _), (_, "-"): return nil
    default:
      guard let number = Int(offset), number >= 0, String(number) == offset, (number == 0) == (kind == .cleared)
      else { return nil }
      payload.epoch = epoch
      payload.offset = number
    }
    if excluded != "-" { payload.excluded = ClientID(excluded) }
    return (payload, rest.startIndex..<rest.endIndex)
  }

  /// Whether a payload that nothing here reads is one of a later version: its first line begins with a letter of no kind
  /// known, or with a letter and a digit, the version. What this version writes has no digit.
  package static func isUnknown(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let letter = bytes.first, isLetter(letter), bytes.count >= 2 else { return false }
    let hasVersion = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[1])
    let end = bytes.dropFirst(hasVersion ? 2 : 1).first
    guard end == UInt8(ascii: " ") || end == UInt8(ascii: "\n") else { return false }
    return hasVersion || !Self.letters.contains(letter) && !ControlPayload.letters.contains(letter)
  }

  private static var letters: [UInt8] { Kind.allCases.map(\.letter) }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  /// Takes the bytes up to `end` off the front of `rest`; nil unless they are 1 to `maxTokenLength` of the allowed ones.
  private static func field(of rest: inout Slice<UnsafeRawBufferPointer>, endingWith end: UInt8) -> String? {
    guard let length = rest.prefix(maxTokenLength + 1).firstIndex(of: end).map({ $0 - rest.startIndex }), length > 0
    else { return nil }
    let token = rest.prefix(length)
    guard token.allSatisfy(isTokenByte) else { return nil }
    rest = rest.dropFirst(length + 1)
    return String(decoding: token, as: UTF8.self)
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}
