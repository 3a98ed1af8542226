import Model
import Protocol
import TestSupport
import Testing
import WebSocket

@Suite struct ApusCodecTests {
  private let room: ChannelName
  private let alice: UserName?
  private let client = ClientID("c-7Qm4")
  private let two = RequestID(json: "2")

  init() throws {
    room = try .known("room:1")
    alice = UserName("alice")
  }

  private func expect(_ reply: Reply, _ expected: String, at location: SourceLocation = #_sourceLocation) {
    expect(ApusCodec.frame(of: reply), expected, at: location)
  }

  /// The frame's text is `expected` and valid JSON, and the whole is one final, unmasked text frame (RFC 6455 section 5.2).
  private func expect(_ frame: Frame, _ expected: String, at location: SourceLocation = #_sourceLocation) {
    let text = payload(frame)
    #expect(text == expected, sourceLocation: location)
    #expect(isValidJSON(text), sourceLocation: location)
    #expect(frame.payloadCount == expected.utf8.count, sourceLocation: location)
    let header = frame.withHeader { Array($0) }
    let count = expected.utf8.count
    let length: [UInt8] =
      switch count {
      case ...125: [UInt8(count)]
      case ...65_535: [126, UInt8(count >> 8), UInt8(count & 0xFF)]
      default: [127] + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
      }
    #expect(header == [0x81] + length, sourceLocation: location)
  }

  @Test func connected() throws {
    var generator = SplitMix64(seed: 1)
    let node = try #require(NodeID(name: "web-1", using: &generator))
    expect(
      .connected(Greeting(client: client, node: node, user: alice, pingInterval: 25_000, maxMessageSize: 65_536)),
      #"{"type":"connected","clientId":"c-7Qm4","node":"\#(node.string)","user":"alice","protocol":1,"#
        + #""pingInterval":25000,"maxMessageSize":65536}"#)
    expect(
      .connected(Greeting(client: client, node: node, user: nil, pingInterval: 1, maxMessageSize: 2)),
      #"{"type":"connected","clientId":"c-7Qm4","node":"\#(node.string)","user":null,"protocol":1,"#
        + #""pingInterval":1,"maxMessageSize":2}"#)
    expect(
      .connected(
        Greeting(client: client, node: node, user: nil, pingInterval: 1, maxMessageSize: 2, warning: "No \"key\".")),
      #"{"type":"connected","clientId":"c-7Qm4","node":"\#(node.string)","user":null,"protocol":1,"#
        + #""pingInterval":1,"maxMessageSize":2,"warning":"No \"key\"."}"#)
  }

  @Test func places() {
    let place = StreamPosition(epoch: "e1", offset: 42)
    for (isRecovered, member) in [(nil, ""), (true, #","recovered":true"#), (false, #","recovered":false"#)] {
      expect(
        .subscribed(id: two, room, SubscribedStream(position: place, isRecovered: isRecovered), nil),
        #"{"type":"subscribed","id":2,"channel":"room:1","epoch":"e1","offset":42\#(member)}"#)
    }
    for (isReset, member) in [(false, ""), (true, #","reset":true"#)] {
      expect(
        .history(id: two, room, HistoryRead(latest: place, isReset: isReset)),
        #"{"type":"history","id":2,"channel":"room:1","epoch":"e1","offset":42\#(member),"messages":[]}"#)
    }
  }

  @Test func authenticated() throws {
    let alice = try #require(alice)
    expect(
      .authenticated(id: two, Identity(user: alice, expires: 5), warning: nil),
      #"{"type":"authenticated","id":2,"user":"alice","expires":5}"#)
    expect(
      .authenticated(id: nil, Identity(user: alice), warning: "Not verified."),
      #"{"type":"authenticated","user":"alice","warning":"Not verified."}"#)
  }

  @Test func replies() {
    expect(.subscribed(id: two, room, nil, nil), #"{"type":"subscribed","id":2,"channel":"room:1"}"#)
    expect(.subscribed(id: nil, room, nil, nil), #"{"type":"subscribed","channel":"room:1"}"#)
    expect(.unsubscribed(id: two, room), #"{"type":"unsubscribed","id":2,"channel":"room:1"}"#)
    expect(
      .unsubscribedByServer(room),
      #"{"type":"unsubscribed","channel":"room:1","reason":"server"}"#)
    expect(
      .published(id: RequestID(json: "2"), room, PublishReceipt()),
      #"{"type":"published","id":2,"channel":"room:1"}"#)
    expect(
      .published(
        id: RequestID(json: "2"), room,
        PublishReceipt(position: StreamPosition(epoch: "e1", offset: 42), isDuplicate: true)),
      #"{"type":"published","id":2,"channel":"room:1","epoch":"e1","offset":42,"duplicate":true}"#)
    expect(.pong(id: nil, time: 1_730_000_000_123), #"{"type":"pong","ts":1730000000123}"#)
    expect(
      .pong(id: RequestID(json: #""a\u0041\n""#), time: 0), #"{"type":"pong","id":"a\u0041\n","ts":0}"#
    )
    expect(.drain(after: 1200), #"{"type":"drain","after":1200}"#)
  }

  @Test func errors() {
    expect(
      .error(Refusal(id: RequestID(json: "4"), .forbidden, "You may not publish to room:1.")),
      #"{"type":"error","id":4,"code":"forbidden","error":"You may not publish to room:1.","temporary":false}"#)
    expect(
      .error(Refusal(.rateLimited, "Too \"fast\".\n", retryAfter: 250)),
      #"{"type":"error","code":"rate_limited","error":"Too \"fast\".\n","temporary":true,"retryAfter":250}"#)
    for code in ErrorCode.allCases {
      let text = payload(ApusCodec.frame(of: .error(Refusal(code, "x"))))
      #expect(text == #"{"type":"error","code":"\#(code.rawValue)","error":"x","temporary":\#(code.isTemporary)}"#)
    }
  }

  private func message(from: UserName?, client: ClientID?, data: String, channel: ChannelName? = nil) -> Frame {
    let text = withBytes(of: data) {
      Interchange.message(channel: channel ?? room, from: from, client: client, data: $0, timestamp: 1_730_000_000_123)
    }
    return ApusCodec.frame(of: ChannelEvent(.message, text))
  }

  @Test func messages() {
    expect(
      message(from: alice, client: client, data: #"{"a": 1.0e+2}"#),
      #"{"type":"message","channel":"room:1","from":"alice","client":"c-7Qm4","data":{"a": 1.0e+2},"ts":1730000000123}"#
    )
    expect(
      message(from: nil, client: client, data: "1"),
      #"{"type":"message","channel":"room:1","from":null,"client":"c-7Qm4","data":1,"ts":1730000000123}"#)
    expect(
      message(from: nil, client: nil, data: #""\u00e9""#),
      #"{"type":"message","channel":"room:1","from":null,"data":"\u00e9","ts":1730000000123}"#)
  }

  @Test func messagesQuoteNames() throws {
    expect(
      message(from: UserName("Ann \"A\\B\" é"), client: nil, data: "1", channel: try .known("a\"b\\漢")),
      #"{"type":"message","channel":"a\"b\\漢","from":"Ann \"A\\B\" é","data":1,"ts":1730000000123}"#)
  }

  /// Lengths around those at which a frame's header grows.
  @Test(arguments: [0, 1, 20, 30, 40, 50, 65_400, 65_420, 65_450, 65_480, 65_500, 100_000])
  func messagesOfManySizes(_ length: Int) {
    let data = "\"" + String(repeating: "x", count: length) + "\""
    expect(
      message(from: nil, client: nil, data: data),
      #"{"type":"message","channel":"room:1","from":null,"data":\#(data),"ts":1730000000123}"#)
  }

  @Test func anEventSharesItsText() {
    let event = event("{}")
    let frame = ApusCodec.frame(of: event)
    expect(frame, "{}")
    #expect(frame.withPayload { $0.baseAddress } == event.text.withBytes { $0.baseAddress })
    #expect(ApusCodec.frame(of: ChannelEvent(.binary, event.text)).opcode == .binary)
  }

  @Test func gaps() {
    let gap = ChannelEvent.gap(in: room, upTo: StreamPosition(epoch: "e1", offset: 42))
    expect(ApusCodec.frame(of: gap), #"{"type":"gap","channel":"room:1","epoch":"e1","offset":42}"#)
    #expect(gap.position?.offset == 42 && gap.audience == .listeners)
  }
}
