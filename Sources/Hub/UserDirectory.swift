import Model

/// Which connections each user has on one loop, by slot. An anonymous connection costs nothing here.
struct UserDirectory {
  /// Most users have one connection on a loop; so the first needs no memory of its own.
  fileprivate enum Slots {
    case one(UInt32)
    case several([UInt32])
  }

  private var users: [UserName: Slots] = [:]

  /// How many users have a connection here.
  var count: Int { users.count }

  func slots(of user: UserName) -> [UInt32] {
    switch users[user] {
    case nil: []
    case .one(let slot): [slot]
    case .several(let slots): slots
    }
  }

  mutating func insert(_ slot: UInt32, of user: UserName) {
    guard let index = users.index(forKey: user) else {
      users[user] = .one(slot)
      return
    }
    users.values[index].insert(slot)
  }

  /// In time of at most the number of the user's connections.
  mutating func remove(_ slot: UInt32, of user: UserName) {
    guard let index = users.index(forKey: user) else { return }
    if !users.values[index].remove(slot) { users.remove(at: index) }
  }
}

extension UserDirectory.Slots {
  fileprivate mutating func insert(_ slot: UInt32) {
    switch self {
    case .one(let first): self = .several([first, slot])
    case .several(var slots):
      // Let go of, so that there is one array and not a copy for each that comes.
      self = .one(slot)
      slots.append(slot)
      self = .several(slots)
    }
  }

  /// False when there is none left.
  fileprivate mutating func remove(_ slot: UInt32) -> Bool {
    switch self {
    case .one(let last): return last != slot
    case .several(var slots):
      self = .one(slot)
      if let position = slots.firstIndex(of: slot) {
        slots.swapAt(position, slots.count - 1)
        slots.removeLast()
      }
      self = slots.count == 1 ? .one(slots[0]) : .several(slots)
      return true
    }
  }
}
