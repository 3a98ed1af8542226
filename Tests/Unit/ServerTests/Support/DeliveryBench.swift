import Hub
import Model
import Reactor
import TestSupport
import Testing
import WebSocket

@testable import Server

/// A delivery to connections whose far ends the test holds, each of which takes a few kilobytes before it is read.
final class DeliveryBench: DeliveryOwner {
  let loop: Loop
  let connections: ConnectionTable
  private(set) lazy var delivery = Delivery(to: connections, configuration, on: loop, owner: self)
  private let configuration: ServerConfiguration
  private var pipes: [UInt32: NarrowPipe] = [:]
  /// What the owner was told, such as `slow 0`.
  private(set) var told: [String] = []

  init(maxOutbox: Int = 10_000) throws {
    loop = try Loop()
    var random = SplitMix64(seed: 1)
    configuration = ServerConfiguration(
      addresses: [], loops: 1, path: "/ws", echoes: false, compresses: false,
      hub: Hub.Limits(maxChannels: 10, rate: RateLimit(rate: 0, burst: 0), maxRecovery: 1000),
      access: Hub.Authorization(rules: .standard(isOpen: true), requiresIdentity: false), maxMessageSize: 1000,
      maxOutbox: maxOutbox, pingInterval: 25_000, pongTimeout: 10_000, origins: OriginPolicy(allowed: []),
      trustsUserParameter: true, node: try #require(NodeID(name: "test", using: &random)))
    connections = ConnectionTable(limits: configuration.limits(of: .hub))
  }

  /// Opens connections and returns their slots.
  func open(_ count: Int) throws -> [UInt32] {
    try (0..<count).map { _ in
      let pipe = try NarrowPipe()
      let slot = connections.insert(fd: pipe.sender)
      let connection = connections[slot]
      connection.pointee.phase = .open
      pipes[slot] = pipe
      return slot
    }
  }

  /// Delivers a message of the channel `room` to all of them, by the policy.
  func deliver(
    _ text: String, to slots: [UInt32], _ policy: OverflowPolicy = .disconnect, except: [UInt32] = []
  ) {
    let event = event(text)
    slots.withUnsafeBufferPointer { delivery.send(event, channel("room"), to: $0, except: except) }
    delivery.applyOverflow(of: event, channel("room"), by: policy)
  }

  /// The payloads of what has arrived at the far end; the turn ends, and goes on for as long as that brings more.
  func arrived(at slot: UInt32) -> [String] {
    var bytes: [UInt8] = []
    while true {
      delivery.markDirty(slot)
      delivery.flush()
      guard let more = pipes[slot]?.receive(1 << 16), !more.isEmpty else { break }
      bytes += more
    }
    return payloads(of: &bytes)
  }

  private func payloads(of bytes: inout [UInt8]) -> [String] {
    var payloads: [String] = []
    var decoder = FrameDecoder(role: .client, limits: FrameDecoder.Limits(maxMessageSize: 1 << 20, maxFragments: 10))
    bytes.withUnsafeMutableBytes { buffer in
      var rest = buffer
      while let event = decoder.next(&rest) {
        if case .text(let text) = event { payloads.append(String(decoding: text, as: UTF8.self)) }
      }
    }
    return payloads
  }

  // MARK: DeliveryOwner

  func hasEvents(_ slot: UInt32) { told.append("events \(slot)") }
  func isTooSlow(_ slot: UInt32) { told.append("slow \(slot)") }
  func hasFailed(_ slot: UInt32) { told.append("failed \(slot)") }
  func hasBlocked(_ slot: UInt32) { told.append("blocked \(slot) \(connections[slot].pointee.isBlocked)") }
  func hasFlushed(_ slot: UInt32) {}
}

@available(*, unavailable)
extension DeliveryBench: Sendable {}
