import Glibc

/// The machine this process runs on.
package enum Host {
  /// Its name as the kernel knows it.
  package static var name: String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The same made into the name part of a node id: other characters become `-`, at most 40 are kept.
  package static var nodeName: String {
    let name = name.utf8.prefix(40).map { byte -> Character in
      let scalar = Character(UnicodeScalar(byte))
      return scalar.isASCII && (scalar.isLetter || scalar.isNumber) ? scalar : "-"
    }
    return name.isEmpty ? "apus" : String(name)
  }
}

/// Closes a descriptor; here because NIO and Reactor each have a `close` of their own.
func closeDescriptor(_ fd: CInt) {
  _ = Glibc.close(fd)
}
