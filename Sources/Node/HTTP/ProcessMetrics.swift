import Glibc

/// What the process takes of the machine; nil is what could not be read.
struct ProcessMetrics: Equatable, Sendable {
  var residentBytes: Int?
  /// In user and kernel mode, of all threads.
  var cpuSeconds: Double?
  /// When it began, in seconds since 1970.
  var startSeconds: Double?
  var openDescriptors: Int?
  var maxDescriptors: Int?
}

/// Reads the metrics of this process where Linux tells them, in `/proc` (proc(5)).
struct ProcessReader: Sendable {
  /// When the machine started, in seconds since 1970: read once, since `/proc/stat` is long on large machines.
  private let bootSeconds = (try? TextFile.read("/proc/stat", limit: 1 << 20)).flatMap(ProcessReader.bootSeconds)

  func metrics() -> ProcessMetrics {
    var metrics = ProcessMetrics(openDescriptors: Self.openDescriptors(), maxDescriptors: Self.maxDescriptors())
    guard let text = try? TextFile.read("/proc/self/stat", limit: 4096), let status = ProcessStatus(text) else {
      return metrics
    }
    let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
    metrics.residentBytes = status.residentPages * sysconf(Int32(_SC_PAGESIZE))
    metrics.cpuSeconds = Double(status.cpuTicks) / ticksPerSecond
    metrics.startSeconds = bootSeconds.map { Double($0) + Double(status.startTicks) / ticksPerSecond }
    return metrics
  }

  /// What the text of `/proc/stat` says.
  static func bootSeconds(_ text: String) -> Int? {
    text.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Int($0.dropFirst("btime ".count)) }
  }

  private static func openDescriptors() -> Int? {
    // Since Linux 6.2 the size of the folder is their number, which takes no longer where there are many.
    var status = stat()
    if stat("/proc/self/fd", &status) == 0, status.st_size > 0 { return Int(status.st_size) }
    guard let folder = opendir("/proc/self/fd") else { return nil }
    defer { closedir(folder) }
    var entries = 0
    while readdir(folder) != nil { entries += 1 }
    // Without `.`, `..` and the descriptor of the folder.
    return max(entries - 3, 0)
  }

  private static func maxDescriptors() -> Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
    return Int(exactly: limit.rlim_cur)
  }
}

/// What the metrics need of `/proc/self/stat`.
struct ProcessStatus: Equatable {
  let cpuTicks: Int
  /// From the start of the machine to that of the process.
  let startTicks: Int
  let residentPages: Int

  /// Nil where the text is not of that form.
  init?(_ text: String) {
    // The name, in parentheses, may have spaces and parentheses itself.
    guard let nameEnd = text.lastIndex(of: ")") else { return nil }
    let fields = text[nameEnd...].split(separator: " ").dropFirst().map { Int($0) }
    // The first one here, the state, is field 3 of the manual.
    guard fields.count > 21, let user = fields[11], let kernel = fields[12], let start = fields[19],
      let resident = fields[21]
    else { return nil }
    cpuTicks = user + kernel
    startTicks = start
    residentPages = resident
  }
}
