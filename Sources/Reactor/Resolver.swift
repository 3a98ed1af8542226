import Glibc

/// Names to addresses, off the loop: `getaddrinfo` blocks.
package enum Resolver {
  /// Looks `host` up on a thread of its own and posts every address found, or the reason there is none.
  package static func resolve(_ host: String, port: UInt16, tag: UInt64, answer: Mailbox<Resolution>) {
    let post: @Sendable (Result<[String], ResolveError>) -> Void = { found in
      let result = found.map { $0.compactMap { SocketAddress(numericHost: $0, port: port) } }
      answer.post(Resolution(tag: tag, result: result))
    }
    do {
      try DetachedThread.start { post(lookUp(host)) }
    } catch {
      post(.failure(ResolveError(reason: error.description)))
    }
  }

  /// The numeric forms of every address of `host`.
  private static func lookUp(_ host: String) -> Result<[String], ResolveError> {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, nil, &hints, &list)
    guard status == 0 else { return .failure(ResolveError(reason: String(cString: gai_strerror(status)))) }
    defer { freeaddrinfo(list) }
    var found: [String] = []
    var next = list
    while let entry = next {
      var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let info = entry.pointee
      if getnameinfo(info.ai_addr, info.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 {
        found.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
      }
      next = info.ai_next
    }
    return .success(found)
  }
}

/// The answer to a look-up, with the number its asker gave it.
package struct Resolution: Sendable {
  package let tag: UInt64
  package let result: Result<[SocketAddress], ResolveError>
}

/// A name that leads nowhere.
package struct ResolveError: Error, CustomStringConvertible {
  package let reason: String

  package var description: String { reason }
}
