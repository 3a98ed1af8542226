import Hub
import Model
import Protocol
import Reactor
import WebSocket

/// Streams of Server-Sent Events: connections of the hub that the HTTP side has given back, with another framing. Their
/// clients say nothing; what they send stays in the kernel.
extension Worker {
  func open(_ opening: StreamOpening) {
    let fd = opening.connection.fd
    let slot = connections.insert(fd: fd)
    let connection = connections[slot]
    connection.pointee.phase = .open
    connection.pointee.endpoint = .events
    connection.pointee.encoding.framing = .events
    connection.pointee.address = opening.address
    connection.pointee.isCounted = true
    delivery.streams[slot] = OpenStream(
      place: opening.connection.place, positions: opening.positions)
    do {
      connection.pointee.registration = try loop.add(fd, .peerClosed, source: self, key: slot)
    } catch {
      return end(slot)
    }
    Sys.disableNagle(fd)
    Sys.limitSilence(fd, milliseconds: Int32(clamping: configuration.pingInterval + configuration.pongTimeout))
    delivery.send(response: opening.head, to: slot)
    opening.isOwners ? enterAsOwner(slot) : enterHub(slot, opening.identity, [], author: opening.author)
    connection.pointee.pinged = loop.now
    for channel in opening.channels {
      let options = SubscribeOptions(channel.mode, info: channel.info, since: channel.since)
      if opening.isOwners {
        guard hub.put(connections.id(slot), into: channel.name, options) else {
          return tell(.error(Refusal(.unavailable, "The channel cannot be reached now.")), slot)
        }
      } else {
        hub.subscribe(connections.id(slot), to: channel.name, options, request: nil)
      }
    }
    performActions()
    // What could not be subscribed has ended it.
    guard connections[slot].pointee.phase == .open else { return }
    if drain.hasBegun { return endForDrain(slot) }
    schedule(slot, after: configuration.pingInterval)
    watch(slot)
  }

  /// The server's owner is nobody whom the cluster knows of, and gets nothing but what the channel brings.
  private func enterAsOwner(_ slot: UInt32) {
    hub.openGuest(
      connections.id(slot), client: .random(using: &random), identity: nil, bucket: nil, now: loop.now,
      wall: Sys.wallMilliseconds())
    connections[slot].pointee.isInHub = true
    statistics.connects += 1
  }

  private func endForDrain(_ slot: UInt32) {
    reply(.drain(after: 0), slot)
    close(slot, .restart, reason: Self.goingAway)
  }

  /// Tells a stream that it lives. A client that has gone without a word is found by the kernel.
  func pingStream(_ slot: UInt32) {
    delivery.send(EventStream.ping(time: Sys.wallMilliseconds()), to: slot)
    connections[slot].pointee.pinged = loop.now
    schedule(slot, after: configuration.pingInterval)
  }

  /// Ends a stream with its last event, if it gets one: nobody answers it.
  func endStream(_ slot: UInt32, _ last: Frame?, _ code: CloseCode) {
    guard connections[slot].pointee.closing.isOpen else { return }
    _ = connections[slot].pointee.closing.closing(code)
    if let last { delivery.sendLast(last, to: slot) }
    leaveHub(slot)
    beginEnding(slot)
  }
}
