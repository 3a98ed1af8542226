import Cluster
@testable import Broker
import Model
import TestSupport

/// A made-up Redis with its two links, the shell around a `Continuity`, and listeners who check what they are told.
struct ContinuityWorld {
  struct Violation: Error, CustomStringConvertible {
    let description: String
  }

  /// What can go wrong besides messages that are dropped and links that are lost.
  struct Trouble {
    /// Whether Redis is emptied, trims its histories and refuses reads, and whether the shell learns of positions late.
    /// Without all that there is no reason for a gap.
    var isHard: Bool
    /// The most messages published at once; more than `Continuity.maxBuffered` makes too much to be held.
    var burst: Int
  }

  private enum Push {
    case confirmed(Int)
    case message(Int, StreamPosition)
  }

  private enum Question {
    case recover(StreamPosition, serial: UInt64)
    case position(life: Int, askedAt: StreamPosition?)
  }

  private struct Job {
    let room: Int
    let question: Question
    /// Once Redis has done it.
    var answer: HistoryRead?
  }

  private struct Room {
    let name: ChannelName
    var stream = ContinuityStream()
    var listeners = ContinuityListeners()
    var isWanted = false
    var isSubscribed = false
    /// Redis has confirmed, and the shell has not passed it on yet.
    var isConfirmed = false
    var isAttached = false
    /// Counts subscriptions that were given up.
    var life = 0
  }

  private static let roomCount = 2
  private static let maxRounds = 100_000

  private let failure: Trouble
  private var generator: SplitMix64
  private var continuity = Continuity()
  private var rooms = (0..<roomCount).map { Room(name: channel("room:\($0)")) }
  private var isLinked = false
  private var subscriber: [Push] = []
  private var commands: [Job] = []

  private(set) var deliveries = 0
  private(set) var gaps = 0
  private(set) var reads = 0

  init(seed: UInt64, _ failure: Trouble) {
    self.failure = failure
    generator = SplitMix64(seed: seed)
  }

  private mutating func happens(oneIn count: Int) -> Bool {
    Int.random(in: 0..<count, using: &generator) == 0
  }

  // MARK: What happens

  mutating func step() throws {
    let room = Int.random(in: 0..<Self.roomCount, using: &generator)
    switch Int.random(in: 0..<1000, using: &generator) {
    case 0..<300: publish(room, isDropped: happens(oneIn: 20))
    case 300..<302: for _ in 0..<Int.random(in: 1...failure.burst, using: &generator) { publish(room) }
    case 302..<700: for _ in 0..<(happens(oneIn: 20) ? 500 : 1) { try receive() }
    case 700..<780: execute()
    case 780..<860: try answer(isRefused: failure.isHard && happens(oneIn: 15))
    case 860..<910: try report(room)
    case 910..<920: try join(room)
    case 920..<940: if failure.isHard { rooms[room].stream.trim(using: &generator) }
    case 940..<945: if failure.isHard { rooms[room].stream.begin() }
    case 945..<975: if isLinked { if happens(oneIn: 6) { lose() } } else { link() }
    default: if !rooms[room].isWanted || happens(oneIn: 20) { toggle(room) }
    }
  }

  private mutating func publish(_ room: Int, isDropped: Bool = false) {
    let position = rooms[room].stream.publish()
    if rooms[room].isSubscribed && !isDropped { subscriber.append(.message(room, position)) }
  }

  private mutating func link() {
    isLinked = true
    for room in rooms.indices where rooms[room].isWanted { subscribe(room) }
  }

  private mutating func subscribe(_ room: Int) {
    rooms[room].isSubscribed = true
    subscriber.append(.confirmed(room))
  }

  private mutating func lose() {
    isLinked = false
    subscriber = []
    for room in rooms.indices {
      rooms[room].isSubscribed = false
      rooms[room].isConfirmed = false
      rooms[room].isAttached = false
      rooms[room].listeners.lost()
    }
    continuity.lost()
    // Of what was asked before some is answered late and some never.
    let asked = commands
    commands = asked.filter { _ in happens(oneIn: 2) }
  }

  private mutating func toggle(_ room: Int) {
    if rooms[room].isWanted {
      continuity.forget(rooms[room].name)
      rooms[room].isWanted = false
      rooms[room].isSubscribed = false
      rooms[room].isConfirmed = false
      rooms[room].isAttached = false
      rooms[room].life += 1
      rooms[room].listeners = ContinuityListeners()
    } else {
      rooms[room].isWanted = true
      if isLinked { subscribe(room) }
    }
  }

  // MARK: The shell

  private mutating func receive() throws {
    guard !subscriber.isEmpty else { return }
    switch subscriber.removeFirst() {
    case .confirmed(let room):
      // An earlier confirmation of a channel that was given up and came back says nothing.
      let isLast = !subscriber.contains { if case .confirmed(room) = $0 { true } else { false } }
      guard rooms[room].isWanted, isLast else { return }
      rooms[room].isConfirmed = true
      if happens(oneIn: 2) { try report(room) }
    case .message(let room, let position):
      let item = ContinuityTranscript.item(position.epoch, position.offset)
      switch continuity.received(rooms[room].name, item) {
      case .deliver: if let event = item.event { try deliver(event, to: room) }
      case .withhold: break
      case .act(let actions): try act(actions)
      }
    }
  }

  private mutating func report(_ room: Int) throws {
    guard rooms[room].isConfirmed else { return }
    rooms[room].isConfirmed = false
    rooms[room].listeners.attached(rooms[room].stream.count)
    try act(continuity.attached(rooms[room].name))
    rooms[room].isAttached = true
    if !failure.isHard { return try tell(rooms[room].stream.latest, of: room) }
    if !happens(oneIn: 4) { askPosition(of: room) }
  }

  /// One more listener, who asks where the stream stands.
  private mutating func join(_ room: Int) throws {
    guard rooms[room].isAttached else { return }
    if continuity.attached(rooms[room].name) != nil { throw Violation(description: "a second attach has an effect") }
    askPosition(of: room)
  }

  private mutating func askPosition(of room: Int) {
    let before = continuity.position(of: rooms[room].name)
    commands.append(Job(room: room, question: .position(life: rooms[room].life, askedAt: before)))
  }

  private mutating func execute() {
    guard let index = commands.firstIndex(where: { $0.answer == nil }) else { return }
    let stream = rooms[commands[index].room].stream
    commands[index].answer =
      switch commands[index].question {
      case .recover(let position, _):
        stream.read(from: position, limit: Continuity.page)
      case .position: HistoryRead(latest: stream.latest)
      }
  }

  private mutating func answer(isRefused: Bool = false) throws {
    guard let job = commands.first, let answer = job.answer else { return }
    commands.removeFirst()
    switch job.question {
    case .recover(_, let serial):
      if isRefused { rooms[job.room].listeners.mayBeToldOfNothing = true }
      defer { rooms[job.room].listeners.mayBeToldOfNothing = false }
      let result: Result<HistoryRead, any Error> =
        isRefused ? .failure(Violation(description: "refused")) : .success(answer)
      try act(continuity.read(rooms[job.room].name, serial: serial, result))
    case .position(let life, let before):
      if life == rooms[job.room].life { try tell(answer.latest, of: job.room, askedAt: before) }
    }
  }

  private mutating func tell(_ latest: StreamPosition, of room: Int, askedAt before: StreamPosition? = nil) throws {
    rooms[room].listeners.placed(rooms[room].stream.index(of: latest))
    try act(continuity.stood(rooms[room].name, at: latest, askedAt: before))
  }

  private mutating func act(_ action: Continuity.Action?) throws {
    if let action { try act([action]) }
  }

  private mutating func act(_ actions: [Continuity.Action]) throws {
    for action in actions {
      switch action {
      case .deliver(let channel, let events):
        if events.isEmpty { throw Violation(description: "an empty delivery") }
        for event in events { try deliver(event, to: number(of: channel)) }
      case .gap(let channel, let position):
        let room = try number(of: channel)
        gaps += 1
        try rooms[room].listeners.gap(position, rooms[room].stream)
      case .read(let channel, let from, let serial):
        reads += 1
        let room = try number(of: channel)
        if !isLinked { throw Violation(description: "a read while the link is away") }
        commands.append(Job(room: room, question: .recover(from, serial: serial)))
      }
    }
  }

  private mutating func deliver(_ event: ChannelEvent, to room: Int) throws {
    guard let position = event.position, ContinuityTranscript.isWhole(event) else {
      throw Violation(description: "\(event) is mixed up")
    }
    deliveries += 1
    try rooms[room].listeners.deliver(position, rooms[room].stream)
  }

  private func number(of channel: ChannelName) throws -> Int {
    guard let room = rooms.firstIndex(where: { $0.name == channel }), rooms[room].isWanted else {
      throw Violation(description: "an action for \(channel), where nobody is")
    }
    return room
  }

  // MARK: The end

  /// The link is lost once more and comes back: without another message everybody has everything. Then one follows,
  /// and goes out at once.
  mutating func finish() throws {
    for room in rooms.indices where !rooms[room].isWanted { toggle(room) }
    if !isLinked { link() }
    try settle()
    lose()
    link()
    try settle()
    for room in rooms.indices { try rooms[room].listeners.checkAll(rooms[room].stream) }
    let before = (gaps, reads)
    for room in rooms.indices { publish(room) }
    try settle()
    for room in rooms.indices { try rooms[room].listeners.checkAll(rooms[room].stream) }
    if before != (gaps, reads) { throw Violation(description: "it does not go on by itself") }
  }

  private mutating func settle() throws {
    for _ in 0..<Self.maxRounds {
      try receive()
      for room in rooms.indices { try report(room) }
      execute()
      try answer()
      if subscriber.isEmpty && commands.isEmpty {
        // Whoever is there longer asked for the position long ago.
        for room in rooms.indices { try tell(rooms[room].stream.latest, of: room) }
        return
      }
    }
    throw Violation(description: "no end is in sight")
  }
}
