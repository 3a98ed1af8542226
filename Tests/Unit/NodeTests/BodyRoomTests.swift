import Testing

@testable import Node

@Suite struct BodyRoomTests {
  @Test func bodiesAreLimitedInNumber() {
    let room = BodyRoom(maxCount: 2, maxBytes: 100)
    var first = room.enter()
    let second = room.enter()
    #expect(first != nil && second != nil)
    #expect(room.enter() == nil)
    first = nil
    #expect(room.enter() != nil)
    withExtendedLifetime((first, second)) {}
  }

  @Test func bodiesAreLimitedInBytesOverAll() {
    let room = BodyRoom(maxCount: 10, maxBytes: 100)
    let first = room.enter()
    var second = room.enter()
    #expect(first?.grow(by: 60) == true)
    #expect(second?.grow(by: 41) == false)
    #expect(second?.grow(by: 40) == true)
    #expect(first?.grow(by: 1) == false)
    second = nil
    #expect(first?.grow(by: 40) == true)
  }
}
