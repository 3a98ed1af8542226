import Cluster
import Protocol
import Server

/// Every metric of a node: the one table of their names.
enum Metric: String, CaseIterable {
  case connections = "apus_connections"
  case channels = "apus_channels"
  case subscriptions = "apus_subscriptions"
  case streams = "apus_streams"
  case connects = "apus_connects_total"
  case disconnects = "apus_disconnects_total"
  case handshakesRefused = "apus_handshakes_refused_total"
  case authentications = "apus_authentications_total"
  case limited = "apus_limited_total"
  case commands = "apus_commands_total"
  case errors = "apus_errors_total"
  case published = "apus_published_total"
  case delivered = "apus_delivered_total"
  case dropped = "apus_dropped_total"
  case outboxBytes = "apus_outbox_bytes"
  case delivery = "apus_delivery_seconds"
  case sends = "apus_sends_total"
  case redisUp = "apus_redis_up"
  case redisRoundTrip = "apus_redis_round_trip_seconds"
  case redisReconnects = "apus_redis_reconnects_total"
  case redisMoves = "apus_redis_moves_total"
  case sentinelsUp = "apus_sentinels_up"
  case keyspacesJoined = "apus_keyspaces_joined"
  case leaseAge = "apus_lease_age_seconds"
  case reapedMembers = "apus_reaped_members_total"
  case gaps = "apus_gaps_total"
  case loopBusy = "apus_loop_busy_ratio"
  case loopTurns = "apus_loop_turns_total"
  case apiRequests = "apus_api_requests_total"
  case apiDuration = "apus_api_seconds"
  case buildInfo = "apus_build_info"
  case residentMemory = "process_resident_memory_bytes"
  case openDescriptors = "process_open_fds"
  case maxDescriptors = "process_max_fds"
  case cpu = "process_cpu_seconds_total"
  case start = "process_start_time_seconds"

  var help: String {
    switch self {
    case .connections: "Open WebSocket connections and streams."
    case .channels: "Channels with a subscriber on this node."
    case .subscriptions: "Subscriptions of all connections."
    case .streams: "Open streams, by transport."
    case .connects: "WebSocket connections and streams opened."
    case .disconnects: "WebSocket connections and streams ended, by close code."
    case .handshakesRefused: "Handshakes refused, by HTTP status."
    case .authentications: "Tokens, by outcome."
    case .limited: "Connections or commands refused, by limit."
    case .commands: "Commands received, by type."
    case .errors: "Commands refused, by error code."
    case .published: "Messages of clients handed to the broker."
    case .delivered: "Events put into the outboxes of subscribers."
    case .dropped:
      """
      Clients that did not read fast enough, by overflow policy; `malformed`: payloads in Redis that were not \
      messages; `unknown`: payloads of a later version.
      """
    case .outboxBytes: "Bytes waiting for clients to read."
    case .delivery: "Time from the arrival of a message from Redis to the send of its turn."
    case .sends: "System calls that sent to clients."
    case .redisUp: "Redis is connected and joined: 1 or 0."
    case .redisRoundTrip: "Round trip of the latest probe, from publish to return."
    case .redisReconnects: "Connections to Redis that were lost."
    case .redisMoves: "Times that a partition of a Redis Cluster was found at another server."
    case .sentinelsUp: "Sentinels that answer, of those that are asked for the address of Redis."
    case .keyspacesJoined: "Redis in the list, or partitions of a Redis Cluster, that the node has joined."
    case .leaseAge: "Time since the lease of this node was renewed."
    case .reapedMembers: "Members of dead nodes taken out of presence by this node."
    case .gaps: "Gaps reported in channels that keep history: the missing messages could no longer be read."
    case .loopBusy: "Share of time that a loop was busy since the last scrape, 0 to 1."
    case .loopTurns: "Turns a loop has taken."
    case .apiRequests: "Requests of the HTTP API, by route and HTTP status."
    case .apiDuration: "Time from the arrival of a request of the HTTP API to its answer, by route."
    case .buildInfo: "The version of Apus and that of the Swift compiler which built it."
    case .residentMemory: "Resident memory of the process."
    case .openDescriptors: "Open file descriptors of the process."
    case .maxDescriptors: "Open file descriptors that the process may have."
    case .cpu: "User and system CPU time the process has used."
    case .start: "Start of the process, in seconds since 1970."
    }
  }

  var type: MetricType {
    switch self {
    case .connections, .channels, .subscriptions, .streams, .outboxBytes, .redisUp, .redisRoundTrip,
      .sentinelsUp, .keyspacesJoined, .leaseAge, .loopBusy, .residentMemory, .openDescriptors, .maxDescriptors, .start:
      .gauge
    case .connects, .disconnects, .handshakesRefused, .authentications, .limited, .commands, .errors, .published,
      .delivered, .dropped, .sends, .redisReconnects, .redisMoves, .reapedMembers, .gaps, .loopTurns, .apiRequests,
      .cpu:
      .counter
    case .delivery, .apiDuration: .histogram
    case .buildInfo: .info
    }
  }

  /// The page with all of them.
  static func page(_ snapshot: MetricSnapshot, as format: MetricFormat) -> String {
    var renderer = MetricRenderer(format)
    for metric in allCases { metric.render(snapshot, into: &renderer) }
    renderer.end()
    return renderer.text
  }

  private func render(_ snapshot: MetricSnapshot, into renderer: inout MetricRenderer) {
    renderer.declare(rawValue, type: type, help: help)
    let loops = snapshot.loops
    func total(_ value: KeyPath<Statistics, Int>) { renderer.sample(rawValue, snapshot.total(value)) }
    func known(_ value: Int?) { if let value { renderer.sample(rawValue, value) } }
    func known(_ value: Double?) { if let value { renderer.sample(rawValue, [], value) } }
    func byLabel(_ label: String, _ values: [String: Int]) {
      for (key, value) in values.sorted(by: { $0.key < $1.key }) { renderer.sample(rawValue, [(label, key)], value) }
    }
    func byShard(_ value: (BrokerStatus.Shard) -> Double?) {
      for shard in snapshot.broker?.shards ?? [] {
        if let value = value(shard) { renderer.sample(rawValue, [("shard", shard.name)], value) }
      }
    }
    switch self {
    case .connections: total(\.connections)
    case .channels: renderer.sample(rawValue, snapshot.broker?.channels ?? 0)
    case .subscriptions: total(\.subscriptions)
    case .streams: renderer.sample(rawValue, [("transport", "events")], snapshot.total(\.streams))
    case .connects: total(\.connects)
    case .disconnects: byLabel("code", snapshot.merged(\.disconnects))
    case .handshakesRefused: byLabel("status", snapshot.merged { $0.refused.mapKeys(String.init) })
    case .authentications: byLabel("result", snapshot.merged(\.authentications))
    case .limited:
      let limits = Dictionary(uniqueKeysWithValues: Limit.allCases.map { ($0.rawValue, 0) })
      let counted = snapshot.merged(\.limited).merging(snapshot.limitedHTTP, uniquingKeysWith: +)
      byLabel("limit", counted.merging(limits) { counted, _ in counted })
    case .commands: byLabel("type", snapshot.merged { $0.commands.byName(\.name) })
    case .errors: byLabel("code", snapshot.merged(\.errors))
    case .published: total(\.published)
    case .delivered: total(\.delivered)
    case .dropped:
      let payloads = [
        "malformed": snapshot.broker?.malformedPayloads ?? 0, "unknown": snapshot.broker?.unknownPayloads ?? 0,
      ]
      byLabel("policy", snapshot.merged(\.dropped).merging(payloads, uniquingKeysWith: +))
    case .outboxBytes: total(\.outboxBytes)
    case .delivery: renderer.histogram(rawValue, snapshot.delivery)
    case .sends: total(\.sends)
    case .redisUp: byShard { $0.isUp ? 1 : 0 }
    case .redisRoundTrip: byShard(\.roundTrip)
    case .redisReconnects: byShard { Double($0.reconnects) }
    case .redisMoves: known(snapshot.broker?.moves)
    case .sentinelsUp: byShard { $0.sentinelsUp.map(Double.init) }
    case .keyspacesJoined: known(snapshot.broker?.keyspacesJoined)
    case .leaseAge: known((snapshot.broker?.leaseAge).map { Double($0) / 1000 })
    case .reapedMembers: renderer.sample(rawValue, snapshot.broker?.reapedMembers ?? 0)
    case .gaps: renderer.sample(rawValue, snapshot.broker?.gaps ?? 0)
    case .loopBusy:
      for (index, loop) in loops.enumerated() { renderer.sample(rawValue, [("loop", String(index))], loop.busyRatio) }
    case .loopTurns:
      for (index, loop) in loops.enumerated() { renderer.sample(rawValue, [("loop", String(index))], loop.turns) }
    case .apiRequests:
      for (route, requests) in snapshot.api.sorted(by: { $0.key < $1.key }) {
        for (status, count) in requests.statuses.sorted(by: { $0.key < $1.key }) {
          renderer.sample(rawValue, [("route", route), ("status", String(status))], count)
        }
      }
    case .apiDuration:
      for (route, requests) in snapshot.api.sorted(by: { $0.key < $1.key }) {
        renderer.histogram(
          rawValue, [("route", route)], bounds: APIMetrics.bounds, buckets: requests.buckets, sum: requests.seconds)
      }
    case .buildInfo: renderer.sample(rawValue, [("version", Node.version), ("swift", BuildInfo.swift)], 1)
    case .residentMemory: known(snapshot.process.residentBytes)
    case .openDescriptors: known(snapshot.process.openDescriptors)
    case .maxDescriptors: known(snapshot.process.maxDescriptors)
    case .cpu: known(snapshot.process.cpuSeconds)
    case .start: known(snapshot.process.startSeconds)
    }
  }
}

/// What all metrics of one scrape are made of.
struct MetricSnapshot {
  let loops: [Statistics]
  let broker: BrokerStatus?
  /// What the limits of the HTTP side have kept away.
  let limitedHTTP: [String: Int]
  /// The requests of the HTTP API, by route.
  let api: [String: APIMetrics.Requests]
  let process: ProcessMetrics

  func total(_ value: KeyPath<Statistics, Int>) -> Int {
    loops.reduce(0) { $0 + $1[keyPath: value] }
  }

  func merged(_ values: (Statistics) -> [String: Int]) -> [String: Int] {
    loops.reduce(into: [:]) { $0.merge(values($1), uniquingKeysWith: +) }
  }

  var delivery: Histogram {
    loops.reduce(into: Histogram()) { $0.add($1.delivery) }
  }
}

extension Dictionary where Value == Int {
  fileprivate func mapKeys(_ transform: (Key) -> String) -> [String: Int] {
    reduce(into: [:]) { $0[transform($1.key)] = $1.value }
  }
}
