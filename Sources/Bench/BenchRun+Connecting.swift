import ApusClient
import JSON
import Protocol
import Reactor

/// Brings the connections up, a few at a time, and hears what the nodes say on them.
extension BenchRun {
  /// How many connections may be on their way: enough to keep a node busy, few enough for its accept queue.
  private static let connectingAtOnce = 64

  /// Looks the nodes' names up, and begins to connect when all are known.
  func findNodes() {
    var found: [Int: [SocketAddress]] = [:]
    for (index, node) in plan.nodes.enumerated() {
      lookup.find(node) { [weak self] result in
        guard let self else { return }
        switch result {
        case .success(let addresses):
          found[index] = addresses
          if found.count == plan.nodes.count { connectMore(found) }
        case .failure(let error): end(.failure(BenchError(description: "\(node.host): \(error).")))
        }
      }
    }
  }

  private func connectMore(_ addresses: [Int: [SocketAddress]]) {
    while phase == .connecting, connections.count < total, connections.count - ready < Self.connectingAtOnce {
      let index = connections.count
      let node = index % plan.nodes.count
      let connection = ClientConnection(
        plan.nodes[node], at: addresses[node] ?? [], from: sources[node].address(of: index / plan.nodes.count), on: loop
      ) { [unowned self] in
        happened($0, index)
        if phase == .connecting, connections.count < total { connectMore(addresses) }
      }
      connections.append(connection)
      connection.start()
    }
  }

  private func happened(_ event: ClientConnection.Event, _ index: Int) {
    switch event {
    case .opened where index < plan.connections:
      let channel = plan.name(ofChannel: plan.channel(ofListener: index))
      connections[index].send(CommandEncoder.subscribe(channel, id: 1))
    case .opened, .binary, .heard: break
    case .text(let text): heard(text, index)
    case .ended(let loss): lost(loss, index)
    }
  }

  private func heard(_ text: UnsafeRawBufferPointer, _ index: Int) {
    if let message = BenchMessage(in: text) { return delivered(message, to: index) }
    guard let event = JSONObject(String(decoding: text, as: UTF8.self)), let type = event.string("type") else { return }
    switch type {
    case "connected" where index >= plan.connections: becameReady(index)
    case "subscribed" where index < plan.connections && event.integer("id") == 1: becameReady(index)
    case "error":
      let code = event.string("code") ?? "internal"
      if phase == .connecting {
        end(.failure(BenchError(description: "A node refused a subscription: \(event.string("error") ?? code)")))
      }
      report.refused[code.printable, default: 0] += 1
      if index >= plan.connections { refused(publisher: index - plan.connections) }
    default: break
    }
  }

  private func becameReady(_ index: Int) {
    guard !isReady[index] else { return }
    isReady[index] = true
    ready += 1
    if ready == total { connected() }
  }

  private func lost(_ loss: ConnectionLoss, _ index: Int) {
    let words =
      switch loss {
      case .broken(let words), .refused(let words, _): words
      case .closed(let code, let reason): "The node closed the connection (\(code)) \(reason)"
      }
    if phase == .connecting {
      end(.failure(BenchError(description: "Connection \(index + 1) of \(total) failed. \(words)")))
    } else if phase != .over {
      report.lostConnections += 1
      report.firstLoss = report.firstLoss ?? words.printable
    }
  }
}
