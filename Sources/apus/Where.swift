import ArgumentParser
import Broker
import Cluster
import JSON
import Model
import Node
import Redis

/// `apus where`: which Redis holds something of a cluster, and under what keys.
struct Where: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show which Redis holds a channel or a user, and under what keys.",
    usage: "apus where <channel> [<options>]\n       apus where --user <user> [<options>]",
    discussion: """
        apus where room:1 --redis redis://10.0.0.1 --redis redis://10.0.0.2
        APUS_REDIS_FILE=urls apus where --user alice
        eval "$(apus where room:1 | sed -n 's/^presence *//p')"

      Takes the options of `apus serve` that name Redis. It asks Sentinels where the primary is, and a server of a \
      Cluster which one has the channel. Otherwise it asks nobody: with another list than the nodes have it names the \
      wrong Redis. Each line with redis-cli is a command to paste; redis-cli takes the password from REDISCLI_AUTH.
      """)

  @Argument(help: "Channel to look for.")
  var channel: String?
  @Option(help: "User to look for.")
  var user: String?
  @OptionGroup(title: "Same as for a node")
  var cluster: ClusterOptions
  @OptionGroup
  var file: FileOptions

  func run() async throws {
    let configuration = try NodeConfiguration(try Settings([file, cluster]))
    guard !configuration.redis.isEmpty else {
      throw Failure("There is no Redis: a node without --redis keeps everything in memory.")
    }
    let places = Places(configuration)
    let subject = try subject()
    let server = try await server(places.index(of: subject), configuration)
    for line in places.lines(of: subject, at: server) { printLine(line) }
  }

  private func subject() throws -> Places.Subject {
    switch (channel, user) {
    case (let name?, nil):
      guard let channel = ChannelName(name) else { throw ValidationError("'\(name.printable)' is no channel.") }
      return .channel(channel)
    case (nil, let name?):
      guard let user = UserName(name) else {
        throw ValidationError("--user takes 1 to \(UserName.maxLength) bytes without control characters.")
      }
      return .user(user)
    case (nil, nil), (.some, .some): throw ValidationError("Name a channel, or a user by --user.")
    }
  }

  /// Where the keyspace is now.
  private func server(_ index: KeyspaceIndex, _ configuration: NodeConfiguration) async throws -> RedisURL {
    switch configuration.target(of: index) {
    case .server(let url): return url
    case .cluster(let url):
      let inquiry = ClusterInquiry(
        url: url, security: try configuration.redisContext(), timeout: configuration.redisTimeout
      ) { printError("The server \($0.address) cannot be used: \($1).") }
      return try await inquiry.owner(ofSlot: PartitionTags.slot(ofPartition: index))
    case .sentinels(let url):
      let inquiry = SentinelInquiry(
        url: url, security: try configuration.redisContext(), timeout: configuration.redisTimeout)
      let replies = await inquiry.ask()
      switch inquiry.primary(by: replies) {
      case .success(let address): return url.primary(at: address)
      case .failure(let failure):
        for case (let sentinel, .refused(let reason)) in replies.map({ ($0.sentinel, $0.answer) }) {
          printError("The Sentinel \(sentinel.address) cannot be used: \(reason.printable).")
        }
        throw failure
      }
    }
  }
}

/// Where the names of a cluster stand.
struct Places {
  enum Subject {
    case channel(ChannelName)
    case user(UserName)
  }

  private let configuration: NodeConfiguration
  private let map: KeyspaceMap

  init(_ configuration: NodeConfiguration) {
    self.configuration = configuration
    map = RedisTarget.keyspaces(of: configuration.redis)
  }

  /// In which of the Redis, or of the partitions of a Cluster.
  func index(of subject: Subject) -> KeyspaceIndex {
    switch subject {
    case .channel(let channel): map.index(of: channel)
    case .user(let user): map.index(of: user)
    }
  }

  /// What there is of it, and the command that shows it at that server.
  func lines(of subject: Subject, at server: RedisURL) -> [String] {
    let index = index(of: subject)
    let keys = RedisKeys(prefix: prefix(of: index))
    let line = { (what: String, command: String, key: String, rest: String) in
      label(what) + [cli(server), command, quoted(key), rest].filter { !$0.isEmpty }.joined(separator: " ")
    }
    switch subject {
    case .channel(let channel):
      let messages = keys.messages(channel)
      let names = [
        line("presence", "hgetall", keys.presence(channel), ""),
        line("users", "hgetall", keys.users(channel), ""),
        line("history", "xrange", keys.history(channel), "- +"),
        line("place", "hgetall", keys.meta(channel), ""),
        line("messages", configuration.isCluster ? "ssubscribe" : "subscribe", messages, ""),
      ]
      // Outside a Cluster they are called as everybody knows them.
      let others = [
        line("publish", "spublish", messages, "DATA"), line("nodes", "pubsub shardnumsub", messages, ""),
      ]
      return redis(index, server) + names + (configuration.isCluster ? others : [])
    case .user(let user): return redis(index, server) + [line("connections", "hgetall", keys.user(user), "")]
    }
  }

  private func prefix(of index: KeyspaceIndex) -> String {
    let prefix = configuration.redisPrefix
    return configuration.isCluster ? PartitionTags.prefix(prefix, ofPartition: index) : prefix
  }

  private func redis(_ index: KeyspaceIndex, _ server: RedisURL) -> [String] {
    let target = configuration.target(of: index)
    let count = configuration.redis.count
    let line = label("redis") + (count == 1 ? "" : "redis-\(index) of \(count), ") + target.description
    switch target {
    case .server: return [line]
    case .sentinels: return [line, label("primary") + server.address]
    case .cluster:
      let (tag, slot) = (PartitionTags.all[index], PartitionTags.slot(ofPartition: index))
      let partition = "partition \(index) of \(PartitionTags.count), tag \(tag), slot \(slot)"
      return [line, label("keyspace") + partition, label("server") + server.address]
    }
  }

  private func label(_ text: String) -> String {
    text + String(repeating: " ", count: max(1, 13 - text.count))
  }

  /// The program with what leads to the server. The password is left out: it asks for it by `REDISCLI_AUTH`.
  private func cli(_ url: RedisURL) -> String {
    var words = ["redis-cli"] + (configuration.isCluster ? ["-c"] : [])
    switch url.endpoint {
    case .tcp(let host, let port): words += ["-h", host.allSatisfy(isPlain) ? host : quoted(host), "-p", String(port)]
    case .unix(let path): words += ["-s", quoted(path)]
    }
    if url.isSecure {
      words.append("--tls")
      let files = [
        ("--sni", url.serverName), ("--cacert", configuration.redisAuthorities),
        ("--cert", configuration.redisCertificate), ("--key", configuration.redisKey),
      ]
      for case (let option, let value?) in files { words += [option, quoted(value)] }
    }
    if let user = url.user { words += ["--user", quoted(user)] }
    if url.database != 0 { words += ["-n", String(url.database)] }
    return words.joined(separator: " ")
  }

  /// Whether a shell leaves it as it is, wherever in a word it stands.
  private func isPlain(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || "-.:".contains(character))
  }

  /// For a shell.
  private func quoted(_ text: String) -> String {
    "'" + text.replacing("'", with: #"'\''"#) + "'"
  }
}

extension NodeConfiguration {
  fileprivate var isCluster: Bool { redis.contains(where: \.isCluster) }

  /// The Redis of the keyspace: a Cluster has all of them.
  fileprivate func target(of index: KeyspaceIndex) -> RedisTarget { redis[isCluster ? 0 : index] }
}
