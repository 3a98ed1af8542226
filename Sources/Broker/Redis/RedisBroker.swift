import Cluster
import Logging
import Model
import Reactor
import Redis
import TLS

/// The broker of a cluster: everything that crosses nodes goes through Redis. It takes each question and report to the
/// keyspace it is for, of which there is one.
package final class RedisBroker: Broker {
  package struct Configuration: Sendable {
    package var url: RedisURL
    /// For a URL with TLS.
    package var security: TLSContext?
    package var prefix: String
    /// Milliseconds a connection or an answer may take.
    package var timeout: Int64
    /// Milliseconds a lost connection stays present.
    package var leaveGrace: Int64
    /// The name part of the node id.
    package var nodeName: String
    /// What the node's hash in Redis says besides: version, address, and so on.
    package var description: [(String, String)]
    /// The largest message, in bytes; larger ones from other programs are dropped.
    package var maxMessageSize: Int
    /// What the answer to a `history` may hold, in bytes.
    package var maxHistoryBytes: Int
    /// What an answer with the members of a channel may have, in bytes.
    package var maxRosterBytes: Int
    /// How many connections the node has now.
    package var connections: @Sendable () -> Int

    package init(
      url: RedisURL, security: TLSContext? = nil, prefix: String, timeout: Int64, leaveGrace: Int64, nodeName: String,
      description: [(String, String)], maxMessageSize: Int, maxHistoryBytes: Int = HistoryRead.maxBytes,
      maxRosterBytes: Int = Roster.maxBytes, connections: @escaping @Sendable () -> Int
    ) {
      self.url = url
      self.security = security
      self.prefix = prefix
      self.timeout = timeout
      self.leaveGrace = leaveGrace
      self.nodeName = nodeName
      self.description = description
      self.maxMessageSize = maxMessageSize
      self.maxHistoryBytes = maxHistoryBytes
      self.maxRosterBytes = maxRosterBytes
      self.connections = connections
    }
  }

  private let keyspace: Keyspace
  private unowned let loop: Loop
  private let leaveGrace: Int64
  private var ticker: Ticker?
  /// To be called when no member is left.
  private var gracesOver: (() -> Void)?

  package init(
    on loop: Loop, outlet: any BrokerOutlet, id: NodeID, configuration: Configuration, logger: Logger
  ) {
    self.loop = loop
    leaveGrace = configuration.leaveGrace
    let server = RedisServer(
      configuration.url, security: configuration.security, name: "apus-\(configuration.nodeName)", on: loop,
      timeout: configuration.timeout, logger: logger)
    keyspace = Keyspace(server, on: loop, outlet: outlet, id: id, configuration: configuration, logger: logger)
  }

  // MARK: Broker

  package func start() {
    keyspace.start()
    ticker = Ticker(on: loop, every: 100) { [unowned self] in
      keyspace.tick()
      tellGracesOver()
    }
  }

  package func ask(_ question: Question, by caller: Caller) {
    switch question {
    case .publish(let publication): keyspace.publisher.publish(publication, caller)
    case .enter(let connection, let channel, let mode): keyspace.presence.enter(connection, channel, mode, for: caller)
    case .history(let channel, let query): keyspace.streams.read(channel, query, caller)
    case .presence(let channel, let onlyCount): keyspace.rosters.query(channel, onlyCount: onlyCount, caller)
    case .send(let event, to: let addressee): keyspace.users.send(event, to: addressee, caller)
    case .counts(let channels): keyspace.reader.counts(of: channels, caller)
    case .connections(let channel, let cursor, let limit):
      keyspace.reader.page(of: channel, cursor: cursor, limit: limit, caller)
    case .kept(let channel): keyspace.reader.kept(in: channel, caller)
    case .clear(let channel): keyspace.publisher.clear(channel, caller)
    case .survey(let question): keyspace.ask(survey: question, caller)
    }
  }

  package func take(_ report: LoopReport, from loop: LoopIndex) {
    switch report {
    case .attach(let channel): keyspace.subscriptions.attach(channel, loop)
    case .detach(let channel): keyspace.detach(channel, loop)
    case .update(let connection, let channel): keyspace.presence.enter(connection, channel, .member, for: nil)
    case .leave(let client, let channel, let lost):
      lost ? keyspace.presence.lose(client, channel) : keyspace.presence.leave(client, channel)
    case .connected(let connection): keyspace.registry.connected(connection)
    case .disconnected(let client, let user): keyspace.registry.disconnected(client, user)
    case .openConnections(let connections, let next): keyspace.registry.received(connections, next: next, loop)
    }
  }

  package func beginDraining() {
    keyspace.beginDraining()
  }

  package func waitForGraces(then done: @escaping () -> Void) {
    guard leaveGrace > 0, keyspace.presence.hasMembers else { return done() }
    let completion = Completion(on: loop, within: leaveGrace, done)
    gracesOver = completion.finish
  }

  private func tellGracesOver() {
    guard let done = gracesOver, !keyspace.presence.hasMembers else { return }
    gracesOver = nil
    done()
  }

  package func stop(then done: @escaping () -> Void) {
    ticker?.stop()
    keyspace.stop(then: done)
  }

  package var status: BrokerStatus {
    var status = BrokerStatus()
    keyspace.add(to: &status)
    return status
  }
}

@available(*, unavailable)
extension RedisBroker: Sendable {}
