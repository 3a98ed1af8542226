import Model
import Protocol
import TestSupport
import Testing

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

  private func expect(_ frame: Frame, _ expected: String, at location: SourceLocation = #_sourceLocation) {
    #expect(payload(frame) == expected, sourceLocation: location)
    #expect(isValidJSON(expected), sourceLocation: location)
  }

  @Test func rosters() {
    let count = Roster(members: nil, count: 250)
    let empty = Roster(members: [], count: 0)
    expect(
      EventEncoder.subscribed(id: id, channel: room, roster: roster),
      #"{"type":"subscribed","id":5,"channel":"room:1","# + members)
    expect(
      EventEncoder.subscribed(id: id, channel: room, roster: count),
      #"{"type":"subscribed","id":5,"channel":"room:1","count":250}"#)
    expect(
      EventEncoder.presence(id: id, channel: room, roster: roster),
      #"{"type":"presence","id":5,"channel":"room:1","# + members)
    expect(
      EventEncoder.presence(id: nil, channel: room, roster: empty),
      #"{"type":"presence","channel":"room:1","members":[],"count":0}"#)
    expect(
      EventEncoder.presence(id: id, channel: room, roster: count),
      #"{"type":"presence","id":5,"channel":"room:1","count":250}"#)
    expect(EventEncoder.members(channel: room, roster: roster), #"{"type":"members","channel":"room:1","# + members)
    expect(EventEncoder.members(channel: room, roster: count), #"{"type":"members","channel":"room:1","count":250}"#)
  }

  @Test func whatIsTooMuchIsSaid() throws {
    let many = Roster.truncated(count: 5000)
    expect(
      EventEncoder.subscribed(id: id, channel: room, roster: many),
      #"{"type":"subscribed","id":5,"channel":"room:1","count":5000,"truncated":true}"#)
    expect(
      EventEncoder.presence(id: id, channel: room, roster: many),
      #"{"type":"presence","id":5,"channel":"room:1","count":5000,"truncated":true}"#)
    expect(
      EventEncoder.members(channel: room, roster: many),
      #"{"type":"members","channel":"room:1","count":5000,"truncated":true}"#)
  }

  @Test func noAnswerIsLargerThanTheLargest() throws {
    let channel = try ChannelName.known(String(repeating: "\"", count: 200))
    let id = RequestID(json: "\"\(String(repeating: "\\u0041", count: 64))\"")
    let position = StreamPosition(epoch: String(repeating: "e", count: 16), offset: .max)
    for roster in [roster, Roster(members: [], count: 0), .truncated(count: .max)] {
      let frames = [
        EventEncoder.subscribed(id: id, channel: channel, position: position, isRecovered: false, roster: roster),
        EventEncoder.presence(id: id, channel: channel, roster: roster),
        EventEncoder.members(channel: channel, roster: roster),
      ]
      for frame in frames { #expect(frame.count <= EventEncoder.largestAnswer(with: roster)) }
    }
  }

  @Test func joinsAndLeaves() {
    expect(
      EventEncoder.join(channel: room, user: alice, client: client, info: #"{"a": 1}"#, count: 3),
      #"{"type":"join","channel":"room:1","user":"alice","info":{"a": 1},"count":3}"#)
    expect(
      EventEncoder.leave(channel: room, user: alice, client: client, info: nil, count: 0),
      #"{"type":"leave","channel":"room:1","user":"alice","count":0}"#)
    expect(
      EventEncoder.join(channel: room, user: nil, client: client, info: nil, count: 1),
      #"{"type":"join","channel":"room:1","user":null,"client":"c-7Qm4","count":1}"#)
    expect(
      EventEncoder.leave(channel: room, user: nil, client: client, info: "1", count: 1),
      #"{"type":"leave","channel":"room:1","user":null,"client":"c-7Qm4","info":1,"count":1}"#)
  }

  @Test func aHeadAndANumberMakeTheEvent() {
    for user in [alice, nil] {
      for info in ["[1]", nil] {
        let join = EventEncoder.joinHead(channel: room, user: user, client: client, info: info)
        expect(
          EventEncoder.join(channel: room, user: user, client: client, info: info, count: 42),
          String(decoding: join, as: UTF8.self) + "42}")
        let leave = EventEncoder.leaveHead(channel: room, user: user, client: client, info: info)
        expect(
          EventEncoder.leave(channel: room, user: user, client: client, info: info, count: 42),
          String(decoding: leave, as: UTF8.self) + "42}")
      }
    }
  }
}
