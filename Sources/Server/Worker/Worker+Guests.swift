import Hub
import Model
import Protocol
import Reactor

/// Commands that come by HTTP: their client is in the hub for as long as they are done, and has no connection.
extension Worker {
  /// Batches that are done at a time on one loop.
  private static var maxBatches: Int { 1024 }

  /// `answer` is called once, now or later, with one text for each command; with nil where the loop has too many.
  ///
  /// A node that goes away still does them: nginx must not give a POST that was refused to another node, since it cannot
  /// know that nothing was done.
  func run(_ batch: CommandBatch, answer: @escaping @Sendable ([String]?) -> Void) {
    guard batches.count < Self.maxBatches else { return answer(nil) }
    let slot = connections.insert(fd: -1)
    let connection = connections[slot]
    connection.pointee.phase = .open
    connection.pointee.endpoint = .commands
    let rateKey = batch.identity == nil ? batch.address.flatMap { UserName($0.limitKey.description) } : nil
    hub.openGuest(
      connections.id(slot), client: batch.author ?? .random(using: &random), identity: batch.identity,
      bucket: rateKey.map { services.addressRates.acquire($0, now: loop.now) }, now: loop.now,
      wall: Sys.wallMilliseconds())
    connection.pointee.isInHub = true
    schedule(slot, after: CommandBatch.timeLimit)
    switch batch.content {
    case .commands(let texts):
      let commands = texts.map(scan)
      batches[slot] = OpenBatch(ids: commands.map(\.id), rateKey: rateKey) { answer($0) }
      for (place, (command, text)) in zip(commands, texts).enumerated() {
        if isAdmitted(place, slot) { run(command, text, place, slot) }
      }
    case .binary(let bytes):
      batches[slot] = OpenBatch(ids: [nil], rateKey: rateKey) { answer($0) }
      guard isAdmitted(0, slot) else { break }
      if bytes.count > configuration.maxMessageSize {
        run(.failure(tooLarge(nil)), "", 0, slot)
      } else {
        bytes.withUnsafeBytes { publish(binary: $0, connections.id(slot), request: OpenBatch.name(0)) }
      }
    }
    performActions()
  }

  /// A command; it must not be longer than one by WebSocket, because other nodes drop larger messages.
  private func scan(_ text: String) -> Result<Command, Refusal> {
    var text = text
    let command = text.withUTF8 { CommandScanner.scan(UnsafeRawBufferPointer($0)) }
    return text.utf8.count > configuration.maxMessageSize ? .failure(tooLarge(command.id)) : command
  }

  private func tooLarge(_ id: RequestID?) -> Refusal {
    Refusal(id: id, .tooLarge, "A command must not be longer than \(configuration.maxMessageSize) bytes.")
  }

  /// Whether a command may be done by the rate; else it is answered.
  private func isAdmitted(_ place: Int, _ slot: UInt32) -> Bool {
    let decision = hub.admitCommand(connections.id(slot), now: loop.now)
    switch decision {
    case .allowed, .deferred: return true
    case .refused(var refusal, let isUser):
      count(limit: isUser ? .userRate : .rate)
      refusal.id = OpenBatch.name(place)
      if batches[slot]?.rateKey != nil {
        refusal.message = "Too many commands from this address without a user."
      }
      take(.error(refusal), slot)
    case .exhausted:
      take(.error(Refusal(id: OpenBatch.name(place), .rateLimited, "Too many commands.", retryAfter: 1000)), slot)
    }
    return false
  }

  private func run(
    _ command: Result<Command, Refusal>, _ text: String, _ place: Int, _ slot: UInt32, mayWait: Bool = true
  ) {
    let name = OpenBatch.name(place)
    switch command {
    case .failure(var refusal):
      statistics.commands.count(.invalid)
      refusal.id = name
      take(.error(refusal), slot)
    case .success(.subscribe), .success(.unsubscribe), .success(.auth), .success(.jsonRPC):
      let message = "Only the commands publish, signal, send, history, presence, request and ping come by HTTP."
      take(.error(Refusal(id: name, .badRequest, message)), slot)
    case .success(.request)
    where mayWait && !calls.open.hasRoom(connections.id(slot)) && calls.open.has(connections.id(slot)):
      batches[slot]?.wait(place, text)
    case .success(let command):
      var text = text
      text.withUTF8 { run(command.named(name), UnsafeRawBufferPointer($0), connections.id(slot)) }
      // What is done is done before the next command is looked at.
      performActions()
    }
  }

  /// Takes what a batch is answered. It ends in the next turn: the commands of this one may still be looked at.
  func take(_ reply: Reply, _ slot: UInt32) {
    if case .error(let refusal) = reply { statistics.errors[refusal.code.rawValue, default: 0] += 1 }
    guard batches[slot]?.answered(reply) == true else { return }
    let session = connections.id(slot)
    loop.atNextTurn { [unowned self] in
      if connections.contains(session) { end(slot) }
    }
  }

  /// A request of a batch has been answered, so that the next ones may be done.
  func runNextRequests(_ slot: UInt32) {
    let session = connections.id(slot)
    // Where no call of its own is left nothing would come back for another look.
    while calls.open.hasRoom(session) || !calls.open.has(session), let next = batches[slot]?.nextRequest() {
      run(scan(next.text), next.text, next.place, slot, mayWait: false)
    }
  }

  /// A batch is over, whatever is answered by now.
  func finishBatch(_ slot: UInt32) {
    guard let batch = batches.removeValue(forKey: slot) else { return }
    if let key = batch.rateKey { services.addressRates.release(key, now: loop.now) }
    batch.finish()
  }
}
