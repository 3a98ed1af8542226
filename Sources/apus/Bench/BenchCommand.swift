import ApusClient
import ArgumentParser
import Bench
import FoundationEssentials
import Node
import Reactor

/// `apus bench`: load nodes and say what came of it.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Put load on nodes, and report deliveries and latency.",
    usage: "apus bench [<options>]",
    discussion: """
        apus serve --dev --rate 0 --loops 1
        apus bench --connections 500 --window 8
        apus bench --channels 50 --rate 2000 --json > before.json
        apus bench --channels 50 --rate 2000 --compare before.json

      Each connection subscribes to one channel, and the publishers publish in turn. With --rate the load is an open \
      loop: messages are sent on time, whatever becomes of them. Latency counts from the time a message was due, so a \
      stalled node cannot hide it. With --window the load is a closed loop: that many messages are in flight at any \
      time. This finds the most a node can do. With --publishers 0 the connections are only held open.

      Start the node with --rate 0, otherwise its rate limit holds back each publisher. Generator and node share the \
      machine: give each its own cores (taskset) to compare runs.

      The exit status is 1 if something was lost, refused or out of order, or if a connection failed.
      """)

  @Option(help: "WebSocket URL of a node; several share the connections. (default: ws://127.0.0.1:8080/ws)")
  var url: [String] = []
  @Option(help: "Connections that subscribe.")
  var connections = 500
  @Option(help: "Channels that they are spread over.")
  var channels = 1
  @Option(help: "Connections that publish; 0 holds the others open and publishes nothing.")
  var publishers = 1
  @Option(help: "Size of a message's data in bytes.", transform: ByteCount.init(argument:))
  var payload: ByteCount = ByteCount(64)
  @Option(help: "Messages per second in total, in an open loop.")
  var rate: Double?
  @Option(help: "Messages in flight, in a closed loop. (default: 8, unless --rate is given)")
  var window: Int?
  @Option(help: "Time to measure.", transform: Milliseconds.init(argument:))
  var duration: Milliseconds = Milliseconds(5000)
  @Option(help: "Time to publish before measuring.", transform: Milliseconds.init(argument:))
  var warmup: Milliseconds = Milliseconds(1000)
  @Option(
    help: "Local address to connect from, for more than 28,000 connections; repeatable. Automatic on loopback.")
  var source: [String] = []
  @Flag(help: "Print the figures as JSON.")
  var json = false
  @Option(help: "Earlier --json output to compare with this run.")
  var compare: String?

  func run() async throws {
    let plan = try plan()
    // Read first: a minute of load must not end in a misspelt name.
    let earlier = try compare.map(Self.report(in:))
    let bar = ProgressBar()
    defer { bar.clear() }
    let report = try await Bench.run(plan) { bar.show($0) }
    bar.clear()
    printText(json ? try Self.text(of: report) : BenchTable.text(of: report))
    if let earlier { printComparison(BenchTable.comparison(of: earlier, with: report)) }
    if !report.isClean { throw ExitCode.failure }
  }

  /// Beside the figures, not into their JSON.
  private func printComparison(_ table: String) {
    if json { printToStandardError(table) } else { printText(table) }
  }

  private func plan() throws -> BenchPlan {
    guard rate == nil || window == nil else { throw ValidationError("Give either --rate or --window, not both.") }
    let load: BenchPlan.Load =
      rate.map { .rate($0) } ?? window.map { .window($0) } ?? (publishers == 0 ? .idle : .window(8))
    let plan = BenchPlan(
      nodes: try (url.isEmpty ? [NodeOptions.defaultURL] : url).map(Self.node), connections: connections,
      channels: channels, publishers: publishers, payload: payload.value, load: load, duration: duration.value,
      warmup: warmup.value, sources: try source.map(Self.address))
    if let flaw = plan.flaw { throw ValidationError(flaw) }
    return plan
  }

  private static func node(_ text: String) throws -> ClientURL {
    do {
      return try ClientURL(text)
    } catch {
      throw ValidationError(error.description)
    }
  }

  private static func address(_ text: String) throws -> SocketAddress {
    guard let address = SocketAddress(numericHost: text, port: 0) else {
      throw ValidationError("--source takes a numeric address of this machine, not '\(text)'.")
    }
    return address
  }

  private static func report(in file: String) throws -> BenchReport {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw Failure("--compare: \(file) cannot be read.")
    }
    guard let report = try? JSONDecoder().decode(BenchReport.self, from: Data(text.utf8)) else {
      throw Failure("--compare: \(file) is not the output of apus bench --json.")
    }
    return report
  }

  private static func text(of report: BenchReport) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    return String(decoding: try encoder.encode(report), as: UTF8.self)
  }
}
