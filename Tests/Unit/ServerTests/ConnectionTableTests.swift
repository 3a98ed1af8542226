import Model
@testable import Server
import TestSupport
import Testing
import WebSocket

@Suite struct ConnectionTableTests {
  private static let limits = FrameDecoder.Limits(maxMessageSize: 1000, maxFragments: 10)

  @Test func theLowestFreeSlotIsTakenFirst() {
    let table = ConnectionTable(limits: Self.limits)
    let slots = (0..<600).map { table.insert(fd: $0) }
    #expect(slots == Array(0..<600))
    let (count, capacity) = (table.count, table.capacity)
    #expect(count == 600)
    #expect(capacity >= 600)
    table.remove(17)
    let next = table.insert(fd: 99)
    #expect(next == 17)
  }

  @Test func whenItWasOpenedIsKeptToTheMillisecond() {
    let table = ConnectionTable(limits: Self.limits)
    let slot = table.insert(fd: 5)
    for moment: Int64 in [0, 1, 1_730_000_000_123, 1 << 32, (1 << 48) - 1] {
      // By name, as `Worker+Accepting` says.
      let connection = table[slot]
      connection.pointee.opened = moment
      let kept = connection.pointee.opened
      #expect(kept == moment)
    }
  }

  @Test func aNewConnectionBeginsFresh() {
    let table = ConnectionTable(limits: Self.limits)
    let slot = table.insert(fd: 5)
    let (fd, phase) = (table[slot].pointee.fd, table[slot].pointee.phase)
    #expect(fd == 5)
    #expect(phase == .peeking)
    table[slot].pointee.isDirty = true
    table[slot].pointee.isInHub = true
    table[slot].pointee.drainAt = 7
    table.remove(slot)
    let (freeDescriptor, freePhase) = (table[slot].pointee.fd, table[slot].pointee.phase)
    #expect(freeDescriptor == -1)
    #expect(freePhase == .free)
    let again = table.insert(fd: 6)
    #expect(again == slot)
    let connection = table[again]
    #expect(!connection.pointee.isDirty && !connection.pointee.isInHub)
    #expect(connection.pointee.drainAt == 0)
  }

  @Test func addressesNeverChange() {
    let table = ConnectionTable(limits: Self.limits)
    let first = table.insert(fd: 0)
    let address = table[first]
    var others: [UInt32] = []
    for fd in 1..<Int32(2000) { others.append(table.insert(fd: fd)) }
    let same = table[first]
    #expect(same == address)
    #expect(address.pointee.fd == 0)
    let addresses = Set(others.map { table[$0] })
    #expect(addresses.count == 1999)
    #expect(!addresses.contains(address))
    let descriptors = others.map { table[$0].pointee.fd }
    #expect(descriptors == Array(1..<2000))
  }

  @Test func anIDIsOneLifeOfASlot() {
    let table = ConnectionTable(limits: Self.limits)
    let slot = table.insert(fd: 1)
    let old = table.id(slot)
    let isThere = table.contains(old)
    #expect(isThere)
    table.remove(slot)
    let isGone = !table.contains(old)
    #expect(isGone)
    let again = table.insert(fd: 2)
    let new = table.id(again)
    #expect(new.slot == old.slot)
    #expect(new != old)
    let (hasNew, hasOld) = (table.contains(new), table.contains(old))
    #expect(hasNew)
    #expect(!hasOld)
  }

  @Test func idsOfNobodyAreNotContained() {
    let table = ConnectionTable(limits: Self.limits)
    let inEmpty = table.contains(SessionID(slot: 0, generation: 0))
    #expect(!inEmpty)
    _ = table.insert(fd: 1)
    let free = table.contains(SessionID(slot: 1, generation: 0))
    #expect(!free, "a slot that was never used")
    let far = table.contains(SessionID(slot: .max, generation: 0))
    #expect(!far)
  }

  @Test func countsAndGenerationsThroughManyLives() {
    let table = ConnectionTable(limits: Self.limits)
    var generator = SplitMix64(seed: 3)
    var live: [UInt32: SessionID] = [:]
    var dead: Set<SessionID> = []
    for step in 0..<5000 {
      if live.count < 300, Bool.random(using: &generator) {
        let slot = table.insert(fd: Int32(step))
        #expect(live[slot] == nil, "a slot that is in use")
        live[slot] = table.id(slot)
      } else if let slot = live.keys.randomElement(using: &generator), let id = live.removeValue(forKey: slot) {
        table.remove(slot)
        #expect(dead.insert(id).inserted, "an id that was there before")
      }
      let count = table.count
      #expect(count == live.count)
    }
    let allLive = live.values.allSatisfy { table.contains($0) }
    let noneDead = dead.allSatisfy { !table.contains($0) }
    #expect(allLive)
    #expect(noneDead)
  }
}
