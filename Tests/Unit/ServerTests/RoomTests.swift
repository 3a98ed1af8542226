import Locks
import LoopTestSupport
import Reactor
import Testing

@testable import Server

@Suite struct RoomTests {
  /// Places as somebody holds them.
  private final class Holder {
    let place: Place

    init(_ place: consuming Place) {
      self.place = place
    }

    var isBeyond: Bool { place.isBeyond }
  }

  private func holder(_ room: Room) -> Holder? {
    guard let place = room.enter() else { return nil }
    return Holder(place)
  }

  @Test func aFewPlacesAreBeyondTheRoom() {
    let room = Room()
    room.open(3)
    let inside = (0..<3).compactMap { _ in holder(room) }
    #expect(inside.allSatisfy { !$0.isBeyond })
    let beyond = (0..<20).compactMap { _ in holder(room) }
    #expect(beyond.count == Room.beyond)
    #expect(beyond.allSatisfy { $0.isBeyond })
    #expect(room.count == 3 + Room.beyond)
  }

  @Test func aPlaceIsFreeWhenItsOwnerIsGone() {
    let room = Room()
    room.open(1)
    var inside = holder(room)
    #expect(inside?.isBeyond == false)
    #expect(holder(room)?.isBeyond == true)
    #expect(room.count == 1, "the other one is gone again")
    inside = nil
    #expect(room.count == 0)
    inside = holder(room)
    #expect(inside?.isBeyond == false)
    withExtendedLifetime(inside) {}
  }

  @Test func aRoomThatIsNotOpenHasNoPlace() {
    #expect(holder(Room())?.isBeyond == true)
  }

  @Test func everyLoopIsAskedForAPlace() {
    let room = Room()
    let asked = Lock(0)
    for _ in 0..<3 { room.onCall { asked.withLock { $0 += 1 } } }
    room.callForPlaces(now: 100)
    room.callForPlaces(now: 101)
    #expect(asked.withLock { $0 } == 3, "a few times a second at most")
    room.callForPlaces(now: 150)
    #expect(asked.withLock { $0 } == 6)
  }

  @Test func itIsToldOnceInAWhile() {
    let room = Room()
    #expect(room.isTimeToTell(now: 5))
    #expect(!room.isTimeToTell(now: 60_004))
    #expect(room.isTimeToTell(now: 60_005))
    #expect(!room.isTimeToTell(now: 60_006))
  }
}
