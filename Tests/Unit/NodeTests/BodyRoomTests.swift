import Model
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

  @Test func anAddressHasAShareInNumberAndInBytes() {
    let room = BodyRoom(maxCount: 4, maxBytes: 100, shares: 2)
    var first = room.enter(from: IPAddress("10.0.0.1"))
    let second = room.enter(from: IPAddress("10.0.0.1"))
    #expect(first != nil && second != nil)
    #expect(room.enter(from: IPAddress("10.0.0.1")) == nil)
    let other = room.enter(from: IPAddress("10.0.0.2"))
    #expect(first?.grow(by: 30) == true)
    #expect(second?.grow(by: 21) == false)
    #expect(other?.grow(by: 50) == true)
    first = nil
    #expect(second?.grow(by: 50) == true)
    #expect(room.enter(from: IPAddress("10.0.0.1")) != nil)
  }

  @Test func addressesOfOneIPv6NetworkAreOneClient() {
    let room = BodyRoom(maxCount: 4, maxBytes: 100, shares: 4)
    let first = room.enter(from: IPAddress("2001:db8::1"))
    #expect(first != nil)
    #expect(room.enter(from: IPAddress("2001:db8::2")) == nil)
    withExtendedLifetime(first) {}
  }

  @Test func whoseAddressNobodyKnowsHasTheWholeRoom() {
    let room = BodyRoom(maxCount: 2, maxBytes: 100, shares: 2)
    let first = room.enter()
    let second = room.enter()
    #expect(first != nil && second != nil)
    withExtendedLifetime((first, second)) {}
  }
}
