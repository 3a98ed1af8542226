import Cluster
import JSON
import Model
import Reactor
import Redis

/// Messages and signals on their way into a keyspace: finished ones by PUBLISH, those that get their place there by the
/// script `publish`. And histories on their way out.
final class ChannelPublisher {
  /// Whom to tell what became of a message.
  private struct Publisher {
    let caller: Caller
    let channel: ChannelName
    let kind: Publication.Kind
  }

  private unowned let context: KeyspaceContext
  private unowned let lease: NodeLease
  private var scratch = ByteWriter(capacity: 4096)
  /// When the present run of Redis last confirmed that it keeps a message.
  private var kept: Int64?

  init(_ context: KeyspaceContext, _ lease: NodeLease) {
    self.context = context
    self.lease = lease
  }

  /// Milliseconds since the run that the node was joined to last confirmed that it keeps a message; nil where it never has.
  var timeSinceKept: Int64? { kept.map { context.loop.now - $0 } }

  /// Another run begins.
  func forgetKept() {
    kept = nil
  }

  func publish(_ publication: Publication, _ caller: Caller) {
    guard context.isReady else {
      return refuse(caller, .unavailable, "Redis cannot be reached; nothing was published.")
    }
    guard !context.outlet.isCongested else {
      return context.outlet.answer(.failure(.overloaded(id: caller.request)), to: caller)
    }
    let publisher = Publisher(caller: caller, channel: publication.channel, kind: publication.kind)
    let scripts = StreamScripts(keys: context.keys, run: lease.run)
    let sent: Bool
    if let call = scripts.publish(publication, newSeed: context.newSeed()) {
      sent = context.links.run(call) { [unowned self] in published($0, publisher, HistoryReply.receipt) }
    } else if case .finished(let text) = publication.event {
      sent = send(text, publication, publisher)
    } else {
      sent = false
    }
    if !sent { refuse(caller, .unavailable, "Redis cannot take any more now; nothing was published.") }
  }

  /// Publishes what is finished: one PUBLISH.
  private func send(_ text: EventText, _ publication: Publication, _ publisher: Publisher) -> Bool {
    scratch.removeAll()
    scratch.append(utf8: context.keys.messagePrefix)
    scratch.append(utf8: publication.channel.string)
    let split = scratch.bytes.count
    BrokerPayload(publication.kind.payload, excluded: publication.excluded).appendHeader(to: &scratch)
    text.withBytes { scratch.append($0) }
    return scratch.bytes.withUnsafeBytes { bytes in
      context.links.send(
        context.links.pubSub.publish, UnsafeRawBufferPointer(rebasing: bytes[..<split]),
        UnsafeRawBufferPointer(rebasing: bytes[split...])
      ) { [unowned self] outcome in
        published(outcome, publisher) { _ in PublishReceipt() }
      }
    }
  }

  private func published(
    _ outcome: RedisLink.Outcome, _ publisher: Publisher, _ receipt: (RedisReplyView) -> PublishReceipt?
  ) {
    let caller = publisher.caller
    switch outcome {
    case .reply(let reply):
      if let error = reply.error {
        error.isOfForeignData
          ? refuse(caller, .internal, ChannelStreams.foreign.message)
          : refuse(caller, .unavailable, "Redis refused the message; nothing was published.")
        context.handle(serverError: error)
      } else if let receipt = receipt(reply) {
        if receipt.position != nil { kept = context.loop.now }
        guard caller.wantsReceipt else { return }
        context.outlet.answer(.success(.published(publisher.channel, publisher.kind, receipt)), to: caller)
      } else {
        refuse(caller, .internal, ChannelStreams.foreign.message)
      }
    case .lost: refuse(caller, .timeout, "Redis did not answer; the message may or may not have been published.")
    }
  }

  /// Throws away a channel's history.
  func clear(_ channel: ChannelName, _ caller: Caller) {
    guard context.isReady else {
      return refuse(caller, .unavailable, "Redis cannot be reached; nothing was deleted.")
    }
    let call = StreamScripts(keys: context.keys, run: lease.run).clear(channel, newSeed: context.newSeed())
    let sent = context.links.run(call) { [unowned self] outcome in
      guard case .reply(let reply) = outcome else {
        return refuse(caller, .timeout, "Redis did not answer; the history may or may not have been deleted.")
      }
      guard let error = reply.error else {
        let position = StreamPosition(epoch: reply.string, offset: 0)
        return context.outlet.answer(.success(.cleared(position)), to: caller)
      }
      error.isOfForeignData
        ? refuse(caller, .internal, ChannelStreams.foreign.message)
        : refuse(caller, .unavailable, "Redis refused it; nothing was deleted.")
      context.handle(serverError: error)
    }
    if !sent { refuse(caller, .unavailable, "Redis cannot take any more now; nothing was deleted.") }
  }

  private func refuse(_ caller: Caller, _ code: ErrorCode, _ message: String) {
    context.outlet.answer(.failure(Refusal(id: caller.request, code, message)), to: caller)
  }
}

extension Publication.Kind {
  /// As it is called between nodes.
  fileprivate var payload: BrokerPayload.Kind {
    switch self {
    case .message: .message
    case .binary: .binary
    case .signal: .signal
    }
  }
}

@available(*, unavailable)
extension ChannelPublisher: Sendable {}
