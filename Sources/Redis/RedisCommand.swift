/// One command: its name and arguments as bytes, one after another in one array.
package struct RedisCommand: Sendable, Equatable {
  /// All arguments, without anything between them.
  private(set) var blob: [UInt8] = []
  /// Where each argument ends in `blob`.
  private(set) var ends: [Int] = []

  /// A command whose name and first arguments are known: `RedisCommand("CLIENT", "SETNAME", name)`.
  package init(_ name: String, _ arguments: String...) {
    ends.reserveCapacity(arguments.count + 1)
    arg(name)
    for argument in arguments { arg(argument) }
  }

  /// The number of arguments, the name included.
  package var count: Int { ends.count }

  /// The bytes of all arguments together, without what the protocol puts around them.
  package var byteCount: Int { blob.count }

  /// Adds an argument: the string's UTF-8.
  package mutating func arg(_ string: String) {
    blob.append(contentsOf: string.utf8)
    ends.append(blob.count)
  }

  /// Adds an argument of any bytes.
  package mutating func arg(_ bytes: [UInt8]) {
    blob.append(contentsOf: bytes)
    ends.append(blob.count)
  }

  /// Adds an argument: the number in decimal.
  package mutating func arg(_ number: Int) {
    arg(String(number))
  }
}
