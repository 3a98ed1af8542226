import ArgumentParser
import Broker
import Cluster
import JSON
import Model
import Node
import Redis

/// `apus where`: which Redis holds something of a cluster, and under what keys.
struct Where: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show which Redis holds a channel or a user, and under what keys.",
    usage: "apus where <channel> [<options>]\n       apus where --user <user> [<options>]",
    discussion: """
        apus where room:1 --redis redis://10.0.0.1 --redis redis://10.0.0.2
        APUS_REDIS_FILE=urls apus where --user alice
        eval "$(apus where room:1 | sed -n 's/^presence *//p')"

      Takes the options of `apus serve` that name Redis. It does not connect to Redis: with another list than the nodes \
      have it names the wrong one. Each line but the first is a command to paste; redis-cli takes the password from \
      REDISCLI_AUTH.
      """)

  @Argument(help: "Channel to look for.")
  var channel: String?
  @Option(help: "User to look for.")
  var user: String?
  @OptionGroup(title: "Same as for a node")
  var cluster: ClusterOptions
  @OptionGroup
  var file: FileOptions

  func run() throws {
    let configuration = try NodeConfiguration(try Settings([file, cluster]))
    guard !configuration.redis.isEmpty else {
      throw Failure("There is no Redis: a node without --redis keeps everything in memory.")
    }
    let places = Places(configuration)
    for line in try lines(places) { printLine(line) }
  }

  private func lines(_ places: Places) throws -> [String] {
    switch (channel, user) {
    case (let name?, nil):
      guard let channel = ChannelName(name) else { throw ValidationError("'\(name.printable)' is no channel.") }
      return places.lines(of: channel)
    case (nil, let name?):
      guard let user = UserName(name) else {
        throw ValidationError("--user takes 1 to \(UserName.maxLength) bytes without control characters.")
      }
      return places.lines(of: user)
    case (nil, nil), (.some, .some): throw ValidationError("Name a channel, or a user by --user.")
    }
  }
}

/// Where the names of a cluster stand.
struct Places {
  private let configuration: NodeConfiguration
  private let map: KeyspaceMap
  private let keys: RedisKeys

  init(_ configuration: NodeConfiguration) {
    self.configuration = configuration
    keys = RedisKeys(prefix: configuration.redisPrefix)
    map = KeyspaceMap(count: configuration.redis.count)
  }

  private var urls: [RedisURL] { configuration.redis }

  /// What there is of a channel, and the command that shows it.
  func lines(of channel: ChannelName) -> [String] {
    let index = map.index(of: channel)
    return [
      shard(index),
      line("presence", index, "hgetall", keys.presence(channel)),
      line("users", index, "hgetall", keys.users(channel)),
      line("history", index, "xrange", keys.history(channel), "- +"),
      line("place", index, "hgetall", keys.meta(channel)),
      line("messages", index, "subscribe", keys.messages(channel)),
    ]
  }

  func lines(of user: UserName) -> [String] {
    let index = map.index(of: user)
    return [shard(index), line("connections", index, "hgetall", keys.user(user))]
  }

  private func shard(_ index: KeyspaceIndex) -> String {
    label("redis") + (urls.count == 1 ? "" : "redis-\(index) of \(urls.count), ") + urls[index].description
  }

  private func line(_ what: String, _ index: KeyspaceIndex, _ command: String, _ key: String, _ rest: String = "")
    -> String
  {
    let words = [cli(urls[index]), command, quoted(key), rest].filter { !$0.isEmpty }
    return label(what) + words.joined(separator: " ")
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
