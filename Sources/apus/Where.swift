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

      Takes the options of `apus serve` that name Redis. It asks only Sentinels, which know where the primary is, and no \
      Redis: with another list than the nodes have it names the wrong one. Each line with redis-cli is a command to \
      paste; redis-cli takes the password from REDISCLI_AUTH.
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
    let target = configuration.redis[places.index(of: subject)]
    for line in places.lines(of: subject, at: try await server(target, configuration)) { printLine(line) }
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

  /// Where it is now.
  private func server(_ target: RedisTarget, _ configuration: NodeConfiguration) async throws -> RedisURL {
    switch target {
    case .server(let url): return url
    case .cluster(let url): return url.servers[0]
    case .sentinels(let url):
      let inquiry = SentinelInquiry(
        url: url, security: try configuration.redisContext(), timeout: configuration.redisTimeout)
      let replies = await inquiry.ask()
      switch inquiry.primary(by: replies) {
      case .success(let address): return url.primary(at: address)
      case .failure(let failure):
        for case (let sentinel, .refused(let reason)) in replies.map({ ($0.sentinel, $0.answer) }) {
          printError("The Sentinel \(sentinel.address) cannot be used: \(reason).")
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
  private let keys: RedisKeys

  init(_ configuration: NodeConfiguration) {
    self.configuration = configuration
    keys = RedisKeys(prefix: configuration.redisPrefix)
    map = KeyspaceMap(count: configuration.redis.count)
  }

  private var targets: [RedisTarget] { configuration.redis }

  /// In which of the Redis.
  func index(of subject: Subject) -> KeyspaceIndex {
    switch subject {
    case .channel(let channel): map.index(of: channel)
    case .user(let user): map.index(of: user)
    }
  }

  /// What there is of it, and the command that shows it at that server.
  func lines(of subject: Subject, at server: RedisURL) -> [String] {
    let line = { (what: String, command: String, key: String, rest: String) in
      label(what) + [cli(server), command, quoted(key), rest].filter { !$0.isEmpty }.joined(separator: " ")
    }
    let names =
      switch subject {
      case .channel(let channel):
        [
          line("presence", "hgetall", keys.presence(channel), ""),
          line("users", "hgetall", keys.users(channel), ""),
          line("history", "xrange", keys.history(channel), "- +"),
          line("place", "hgetall", keys.meta(channel), ""),
          line("messages", "subscribe", keys.messages(channel), ""),
        ]
      case .user(let user): [line("connections", "hgetall", keys.user(user), "")]
      }
    return redis(index(of: subject), server) + names
  }

  private func redis(_ index: KeyspaceIndex, _ server: RedisURL) -> [String] {
    let position = targets.count == 1 ? "" : "redis-\(index) of \(targets.count), "
    let line = label("redis") + position + targets[index].description
    switch targets[index] {
    case .server, .cluster: return [line]
    case .sentinels: return [line, label("primary") + server.address]
    }
  }

  private func label(_ text: String) -> String {
    text + String(repeating: " ", count: max(1, 13 - text.count))
  }

  /// The program with what leads to the server. The password is left out: it asks for it by `REDISCLI_AUTH`.
  private func cli(_ url: RedisURL) -> String {
    var words = ["redis-cli"]
    switch url.endpoint {
    case .tcp(let host, let port): words += ["-h", host, "-p", String(port)]
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

  /// For a shell.
  private func quoted(_ text: String) -> String {
    "'" + text.replacing("'", with: #"'\''"#) + "'"
  }
}
