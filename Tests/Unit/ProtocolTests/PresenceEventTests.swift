import Model
import Protocol
import TestSupport
import Testing
import WebSocket

@Suite struct PresenceEventTests {
  private let room: ChannelName
  private let alice: UserName?
  private let client = ClientID("c-7Qm4")
  private let id = RequestID(json: "5")
  private let roster: Roster
  private let members =
    #""members":[{"user":"alice","clients":2,"info":{"a": 1}},{"user":null,"client":"c-x","clients":1}],"count":2}"#

  init() throws {
    room = try .known("room:1")
    alice = UserName("alice")
    roster = Roster(
      members: [
        Member(user: alice, client: client, clients: 2, info: #"{"a": 1}"#),
        Member(user: nil, client: ClientID("c-x"), clients: 1, info: nil),
      ], count: 2)
  }

  private func expect(_ text: EventText, _ expected: String, at location: SourceLocation = #_sourceLocation) {
    #expect(text.string == expected, sourceLocation: location)
    #expect(isValidJSON(expected), sourceLocation: location)
  }

  private func expect(_ reply: Reply, _ expected: String, at location: SourceLocation = #_sourceLocation) {
    #expect(payload(ApusCodec.frame(of: reply)) == expected, sourceLocation: location)
    #expect(isValidJSON(expected), sourceLocation: location)
  }

  @Test func rosters() {
    let count = Roster(members: nil, count: 250)
    let empty = Roster(members: [], count: 0)
    expect(
      .subscribed(id: id, room, nil, roster),
      #"{"type":"subscribed","id":5,"channel":"room:1","# + members)
    expect(
      .subscribed(id: id, room, nil, count),
      #"{"type":"subscribed","id":5,"channel":"room:1","count":250}"#)
    expect(
      .presence(id: id, room, roster),
      #"{"type":"presence","id":5,"channel":"room:1","# + members)
    expect(
      .presence(id: nil, room, empty),
      #"{"type":"presence","channel":"room:1","members":[],"count":0}"#)
    expect(
      .presence(id: id, room, count),
      #"{"type":"presence","id":5,"channel":"room:1","count":250}"#)
    expect(Interchange.members(channel: room, roster: roster), #"{"type":"members","channel":"room:1","# + members)
    expect(Interchange.members(channel: room, roster: count), #"{"type":"members","channel":"room:1","count":250}"#)
  }

  @Test func whatIsTooMuchIsSaid() throws {
    let many = Roster.truncated(count: 5000)
    expect(
      .subscribed(id: id, room, nil, many),
      #"{"type":"subscribed","id":5,"channel":"room:1","count":5000,"truncated":true}"#)
    expect(
      .presence(id: id, room, many),
      #"{"type":"presence","id":5,"channel":"room:1","count":5000,"truncated":true}"#)
    expect(
      Interchange.members(channel: room, roster: many),
      #"{"type":"members","channel":"room:1","count":5000,"truncated":true}"#)
  }

  @Test func noAnswerIsLargerThanTheLargest() throws {
    let channel = try ChannelName.known(String(repeating: "\"", count: 200))
    let id = RequestID(json: "\"\(String(repeating: "\\u0041", count: 64))\"")
    let position = StreamPosition(epoch: String(repeating: "e", count: 16), offset: .max)
    for roster in [roster, Roster(members: [], count: 0), .truncated(count: .max)] {
      let stream = SubscribedStream(position: position, isRecovered: false)
      let sizes = [
        ApusCodec.frame(of: .subscribed(id: id, channel, stream, roster)).count,
        ApusCodec.frame(of: .presence(id: id, channel, roster)).count,
        Interchange.members(channel: channel, roster: roster).count,
      ]
      for size in sizes { #expect(size <= Interchange.largestAnswer(with: roster)) }
    }
  }

  @Test func joinsAndLeaves() {
    expect(
      Interchange.join(channel: room, user: alice, client: client, info: #"{"a": 1}"#, count: 3),
      #"{"type":"join","channel":"room:1","user":"alice","info":{"a": 1},"count":3}"#)
    expect(
      Interchange.leave(channel: room, user: alice, client: client, info: nil, count: 0),
      #"{"type":"leave","channel":"room:1","user":"alice","count":0}"#)
    expect(
      Interchange.join(channel: room, user: nil, client: client, info: nil, count: 1),
      #"{"type":"join","channel":"room:1","user":null,"client":"c-7Qm4","count":1}"#)
    expect(
      Interchange.leave(channel: room, user: nil, client: client, info: "1", count: 1),
      #"{"type":"leave","channel":"room:1","user":null,"client":"c-7Qm4","info":1,"count":1}"#)
  }

  @Test func aHeadAndANumberMakeTheEvent() {
    for user in [alice, nil] {
      for info in ["[1]", nil] {
        let join = Interchange.joinHead(channel: room, user: user, client: client, info: info)
        expect(
          Interchange.join(channel: room, user: user, client: client, info: info, count: 42),
          String(decoding: join, as: UTF8.self) + "42}")
        let leave = Interchange.leaveHead(channel: room, user: user, client: client, info: info)
        expect(
          Interchange.leave(channel: room, user: user, client: client, info: info, count: 42),
          String(decoding: leave, as: UTF8.self) + "42}")
      }
    }
  }
}
