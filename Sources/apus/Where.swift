import ArgumentParser
import Broker
import Cluster
import JSON
import Model
import Node
import Redis

/// `apus where`: in which Redis, and under what names, something of a cluster stands.
struct Where: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show in which Redis, and under what names, a channel or a user stands.",
    usage: "apus where <channel> [<options>]\n       apus where --user <user> [<options>]",
    discussion: """
        apus where room:1
        apus where --user alice
        eval "$(apus where room:1 | sed -n 's/^presence *//p')"

      Takes the options of `apus serve` that name Redis, and connects to nobody: each line can be pasted into a shell.
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
    let places = Places(configuration.redis, RedisKeys(prefix: configuration.redisPrefix))
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
  private let urls: [RedisURL]
  private let map: KeyspaceMap
  private let keys: RedisKeys

  init(_ urls: [RedisURL], _ keys: RedisKeys) {
    self.urls = urls
    self.keys = keys
    map = KeyspaceMap(count: urls.count)
  }

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
    label("redis") + (urls.count == 1 ? "" : "\(index) of \(urls.count), ") + urls[index].description
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
    if url.isSecure { words.append("--tls") }
    if let user = url.user { words += ["--user", quoted(user)] }
    if url.database != 0 { words += ["-n", String(url.database)] }
    return words.joined(separator: " ")
  }

  /// For a shell.
  private func quoted(_ text: String) -> String {
    "'" + text.replacing("'", with: #"'\''"#) + "'"
  }
}
