import Locks
import Logging

/// Logs which hosts and origins were refused, each once, with the option that lets it in.
package final class RefusalLog: Sendable {
  private let logger: Logger
  private let hosts = Lock(SeenNames())
  private let origins = Lock(SeenNames())

  package init(_ logger: Logger) {
    self.logger = logger
  }

  package func refused(host: String) {
    note(hosts.withLock { $0.see(host) }, "host", "--allowed-host")
  }

  package func refused(origin: String) {
    note(origins.withLock { $0.see(origin) }, "origin", "--allowed-origin")
  }

  private func note(_ decision: SeenNames.Decision, _ kind: String, _ option: String) {
    switch decision {
    case .new(let name):
      logger.warning("this \(kind) was refused; \(option) lets it in", metadata: ["\(kind)": "\(name)"])
    case .tooMany:
      logger.warning("\(SeenNames.capacity) refused \(kind)s were logged; further ones are not")
    case .known: break
    }
  }
}
