import ApusClient
import Reactor

/// Keeps the load: on time in an open loop, as deliveries come in a closed one.
extension BenchRun {
  /// How many messages one wake may send before the loop reads again.
  private static let messagesPerWake = 1000
  /// How much may wait for one publisher's socket in a closed loop, in bytes.
  private static let maxPending = 1 << 20
  /// The same in an open loop, where more than that is told as not sent.
  private static let mostPending = 64 << 20
  /// A message that leaves so many nanoseconds after its moment left late.
  private static let late: UInt64 = 1_000_000

  func beginLoad() {
    loadBegan = Sys.monotonicNanoseconds()
    switch plan.load {
    case .idle: break
    case .window: refill()
    case .rate:
      do {
        timer = try PreciseTimer(on: loop) { [unowned self] in publishDue() }
        timer?.set(at: loadBegan)
      } catch {
        end(.failure(BenchError(description: "\(error)")))
      }
    }
  }

  private var isLoading: Bool { phase == .warming || phase == .measuring }

  // MARK: Open loop

  /// Publishes everything whose moment has come.
  private func publishDue() {
    guard case .rate(let rate) = plan.load, isLoading else { return }
    for _ in 0..<Self.messagesPerWake {
      let moment = moment(of: due, rate)
      let now = Sys.monotonicNanoseconds()
      guard moment <= now else { break }
      due += 1
      guard publisher.pendingBytes < Self.mostPending else {
        report.unsent += 1
        continue
      }
      if now - moment > Self.late { report.lateSends += 1 }
      publish(intended: moment)
    }
    timer?.set(at: moment(of: due, rate))
  }

  private func moment(of number: Int, _ rate: Double) -> UInt64 {
    loadBegan + UInt64(Double(number) * 1e9 / rate)
  }

  // MARK: Closed loop

  func delivered(_ message: BenchMessage, to listener: Int) {
    guard listener < plan.connections else { return }
    ledger.deliver(message, to: listener, at: Sys.monotonicNanoseconds())
    refillLater()
  }

  func refused(publisher: Int) {
    ledger.refuse(publisher: publisher)
    refillLater()
  }

  private func refillLater() {
    guard case .window = plan.load, isLoading, !isRefilling else { return }
    isRefilling = true
    loop.atEndOfTurn { [weak self] in self?.refill() }
  }

  /// Publishes until as many messages are under way as there should be.
  private func refill() {
    isRefilling = false
    guard case .window(let window) = plan.load, isLoading else { return }
    let listeners = max(1, plan.connections / plan.channels)
    while ledger.missing < window * listeners {
      guard publisher.pendingBytes < Self.maxPending else { return }
      publish(intended: Sys.monotonicNanoseconds())
    }
  }

  /// Whose turn it is.
  private var publisher: ClientConnection {
    connections[plan.connections + ledger.assignment.publisher(of: ledger.published)]
  }

  private func publish(intended: UInt64) {
    let publisher = publisher
    let (message, channel) = ledger.publish(intended: intended)
    var template =
      templates[channel]
      ?? BenchMessage.template(channel: plan.name(ofChannel: channel), payload: plan.payload)
    // Taken out meanwhile, so that the digits are written in place.
    templates[channel] = nil
    message.write(to: &template.text, digits: template.digits)
    template.text.withUnsafeBytes { publisher.send($0) }
    templates[channel] = template
  }
}
