import JSON
import Model

/// Reads a text message as JSON-RPC 2.0.
package enum RPCScanner {
  /// The calls in `bytes`, one whole message of valid UTF-8; the ranges in them count from its start.
  ///
  /// Nil where it is none: an object without the member `jsonrpc`. An array is always one.
  package static func scan(_ bytes: UnsafeRawBufferPointer) -> RPCMessage? {
    let scanner = JSONScanner(bytes)
    let start = scanner.skipSpace(at: 0)
    switch scanner.byte(at: start) {
    case UInt8(ascii: "["): return batch(scanner, from: start)
    case UInt8(ascii: "{"):
      guard let end = scanner.skipValue(at: start), scanner.skipSpace(at: end) == bytes.count else {
        // What is no JSON is a command that is none, unless it has said before that it is more.
        return members(of: scanner, start..<bytes.count).version == nil ? nil : .malformed
      }
      let members = members(of: scanner, start..<end)
      return members.version == nil ? nil : .single(call(members, scanner))
    default: return nil
    }
  }

  /// The longest id, in bytes of JSON: every answer repeats it.
  private static let maxIDLength = 256

  private static func batch(_ scanner: JSONScanner, from start: Int) -> RPCMessage {
    guard let end = scanner.skipValue(at: start), scanner.skipSpace(at: end) == scanner.bytes.count else {
      return .malformed
    }
    var calls: [RPCCall] = []
    var position = scanner.skipSpace(at: start + 1)
    while position < end - 1, let next = scanner.skipValue(at: position) {
      guard calls.count < RPCMessage.maxCalls else { return .refused }
      let isObject = scanner.byte(at: position) == UInt8(ascii: "{")
      calls.append(isObject ? call(members(of: scanner, position..<next), scanner) : .invalid(nil))
      // Over the comma; after the last element this is the array's end.
      position = scanner.skipSpace(at: scanner.skipSpace(at: next) + 1)
    }
    return calls.isEmpty ? .refused : .batch(calls)
  }

  /// The members with a meaning; of one that occurs twice nobody can say which is meant.
  private struct Members {
    var version: JSONValue?
    var method: JSONValue?
    var params: JSONValue?
    var id: JSONValue?
    var isAmbiguous = false
  }

  private static func members(of scanner: JSONScanner, _ range: Range<Int>) -> Members {
    var members = Members()
    let part = UnsafeRawBufferPointer(rebasing: scanner.bytes[range])
    guard var steps = JSONMembers(part) else { return members }
    while case .member(let key, let value) = steps.next() {
      let inWhole = value.moved(by: range.lowerBound)
      func fill(_ member: WritableKeyPath<Members, JSONValue?>) {
        if members[keyPath: member] != nil { members.isAmbiguous = true }
        members[keyPath: member] = inWhole
      }
      switch steps.scanner.string(key) {
      case "jsonrpc": fill(\.version)
      case "method": fill(\.method)
      case "params": fill(\.params)
      case "id": fill(\.id)
      default: break
      }
    }
    return members
  }

  private static func call(_ members: Members, _ scanner: JSONScanner) -> RPCCall {
    var id: RequestID?
    if let value = members.id {
      switch value.kind {
      case .string, .number, .null: id = RequestID(json: scanner.text(value.range))
      case .object, .array, .true, .false: return .invalid(nil)
      }
    }
    guard !members.isAmbiguous, let version = members.version, scanner.string(version.range, is: "2.0"),
      version.kind == .string, let method = members.method, method.kind == .string,
      let name = scanner.string(method.range)
    else { return .invalid(members.isAmbiguous ? nil : id) }
    guard (1...RequestCommand.maxMethodLength).contains(name.utf8.count), (id?.json.utf8.count ?? 0) <= maxIDLength
    else {
      return .invalid(nil)
    }
    switch members.params?.kind {
    case nil, .object, .array: break
    case .string, .number, .true, .false, .null: return .invalid(id)
    }
    let called = RPCMethod(name: name, params: members.params?.range)
    return id.map { .request($0, called) } ?? .notification(called)
  }
}
