/// A timer of a `TimingWheel`; harmless to cancel after it has run out.
package struct TimerID: Hashable, Sendable {
  let slot: Int32
  let generation: UInt32
}

/// A hierarchical timing wheel: schedules and cancels in constant time, whatever the number of timers.
///
/// Four levels of 64 slots; a slot of level `k` spans 64^k ticks of one millisecond, so the wheel reaches 4.6 hours
/// (a later deadline waits in the last slot and is sorted anew). Timers of one slot form a list through an array of
/// entries; one 64-bit word per level says which slots are occupied, which makes the next deadline a bit scan.
/// (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987.)
package struct TimingWheel<Payload> {
  private struct Entry {
    var deadline: Int64 = 0
    var next: Int32 = -1
    var previous: Int32 = -1
    var generation: UInt32 = 0
    /// Level times 64 plus slot, while scheduled.
    var bucket: Int16 = -1
    var payload: Payload?
  }

  private static var levels: Int { 4 }
  private static var slots: Int { 64 }
  private static var reach: Int64 { 1 << 24 }

  private var entries: [Entry] = []
  private var free: [Int32] = []
  private var heads = [Int32](repeating: -1, count: 256)
  private var occupied = [UInt64](repeating: 0, count: 4)
  /// Every timer due at or before this moment lies in level 0's current slot, or has been popped.
  private var current: Int64
  package private(set) var count = 0

  package init(now: Int64) {
    current = now
  }

  /// Calls for `payload` at `deadline` milliseconds; one that is past runs out at the next millisecond.
  package mutating func schedule(at deadline: Int64, _ payload: Payload) -> TimerID {
    let slot: Int32
    if let reused = free.popLast() {
      slot = reused
    } else {
      slot = Int32(entries.count)
      entries.append(Entry())
    }
    let index = Int(slot)
    entries[index].deadline = max(deadline, current + 1)
    entries[index].payload = payload
    link(slot)
    count += 1
    return TimerID(slot: slot, generation: entries[index].generation)
  }

  /// Forgets a timer; nothing happens when it has run out or was cancelled before.
  package mutating func cancel(_ id: TimerID) {
    guard entries[Int(id.slot)].generation == id.generation, entries[Int(id.slot)].bucket >= 0 else { return }
    unlink(id.slot)
    _ = release(id.slot)
  }

  /// The next timer due at or before `now`, taken out of the wheel; nil when there is none left.
  package mutating func popExpired(now: Int64) -> Payload? {
    while true {
      let due = heads[Self.index(current)]
      if due >= 0, entries[Int(due)].deadline <= current {
        unlink(due)
        return release(due)
      }
      guard let next = nextTick, next <= now else {
        current = max(current, now)
        return nil
      }
      current = next
      cascade()
    }
  }

  /// Milliseconds from `now` until the wheel wants to be looked at again; nil when it is empty.
  ///
  /// May be early (a slot of a higher level has to be sorted into lower ones), never late.
  package func delay(from now: Int64) -> Int64? {
    if heads[Self.index(current)] >= 0 { return 0 }
    return nextTick.map { max(0, $0 - now) }
  }

  // MARK: -

  private static func index(_ tick: Int64, level: Int = 0) -> Int {
    Int((tick >> Int64(6 * level)) & 63)
  }

  /// The first tick after `current` at which a slot of any level begins that holds a timer.
  private var nextTick: Int64? {
    guard count > 0 else { return nil }
    var best: Int64?
    for level in 0..<Self.levels where occupied[level] != 0 {
      let position = Self.index(current, level: level)
      // Rotated so that bit 0 is the slot after the current one; the current one itself comes last, a turn away.
      let shift = UInt64((position + 1) & 63)
      let rotated = shift == 0 ? occupied[level] : (occupied[level] >> shift | occupied[level] << (64 - shift))
      let distance = Int64(rotated.trailingZeroBitCount) + 1
      let tick = ((current >> Int64(6 * level)) + distance) << Int64(6 * level)
      if best.map({ tick < $0 }) ?? true { best = tick }
    }
    return best
  }

  /// Sorts the slots of higher levels that begin at `current` into lower levels.
  private mutating func cascade() {
    for level in stride(from: Self.levels - 1, to: 0, by: -1) where current & ((1 << Int64(6 * level)) - 1) == 0 {
      let bucket = level * Self.slots + Self.index(current, level: level)
      var slot = heads[bucket]
      heads[bucket] = -1
      occupied[level] &= ~(1 << UInt64(Self.index(current, level: level)))
      while slot >= 0 {
        let next = entries[Int(slot)].next
        link(slot)
        slot = next
      }
    }
  }

  private mutating func link(_ slot: Int32) {
    let deadline = min(entries[Int(slot)].deadline, current + Self.reach - 1)
    let delta = deadline - current
    let level = delta < 64 ? 0 : delta < 4096 ? 1 : delta < 262_144 ? 2 : 3
    let position = Self.index(deadline, level: level)
    let bucket = level * Self.slots + position
    let head = heads[bucket]
    entries[Int(slot)].bucket = Int16(bucket)
    entries[Int(slot)].previous = -1
    entries[Int(slot)].next = head
    if head >= 0 { entries[Int(head)].previous = slot }
    heads[bucket] = slot
    occupied[level] |= 1 << UInt64(position)
  }

  private mutating func unlink(_ slot: Int32) {
    let entry = entries[Int(slot)]
    if entry.previous >= 0 {
      entries[Int(entry.previous)].next = entry.next
    } else {
      heads[Int(entry.bucket)] = entry.next
    }
    if entry.next >= 0 { entries[Int(entry.next)].previous = entry.previous }
    if heads[Int(entry.bucket)] < 0 {
      occupied[Int(entry.bucket) / Self.slots] &= ~(1 << UInt64(Int(entry.bucket) % Self.slots))
    }
  }

  private mutating func release(_ slot: Int32) -> Payload? {
    let index = Int(slot)
    let payload = entries[index].payload
    entries[index].payload = nil
    entries[index].bucket = -1
    entries[index].generation &+= 1
    free.append(slot)
    count -= 1
    return payload
  }
}
