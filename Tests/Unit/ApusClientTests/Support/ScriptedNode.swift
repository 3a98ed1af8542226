import Glibc
import Model
import Protocol
import Reactor
import Testing
import WebSocket

/// A node on loopback that does what its test says; waits without holding up a thread.
final class ScriptedNode: Sendable {
  private let socket: ListeningSocket

  init() throws {
    let address = try #require(SocketAddress(numericHost: "127.0.0.1", port: 0))
    socket = try #require(try ListeningSocket.open(address, count: 1).first)
  }

  deinit {
    Sys.close(socket.fd)
  }

  var url: String { "ws://\(socket.address)/ws" }

  /// The next client that connects, past the handshake.
  func accept() async throws -> ScriptedConnection {
    var fd = Glibc.accept(socket.fd, nil, nil)
    while fd < 0 {
      try await Task.sleep(for: .milliseconds(5))
      fd = Glibc.accept(socket.fd, nil, nil)
    }
    return try await ScriptedConnection(fd)
  }
}

/// A client's connection, from the node's side.
final class ScriptedConnection {
  /// What the client offered, as it stood in the header.
  private(set) var subprotocols = ""
  private let fd: Int32
  private var decoder = FrameDecoder(role: .server, limits: .init(maxMessageSize: 65_536, maxFragments: 1))
  private var texts: [String] = []

  fileprivate init(_ fd: Int32) async throws {
    self.fd = fd
    var head = ""
    while !head.hasSuffix("\r\n\r\n") { head += String(decoding: try await receive(), as: UTF8.self) }
    let key = try #require(Self.value(of: "Sec-WebSocket-Key", in: head))
    subprotocols = try #require(Self.value(of: "Sec-WebSocket-Protocol", in: head))
    let lines = [
      "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
      "Sec-WebSocket-Accept: \(WebSocketKey.accept(for: key))", "Sec-WebSocket-Protocol: apus.v1", "", "",
    ]
    Array(lines.joined(separator: "\r\n").utf8).withUnsafeBytes { send($0) }
  }

  deinit {
    Sys.close(fd)
  }

  func say(_ text: String) {
    send(FrameEncoder.text(text))
  }

  /// Takes the client in.
  func greet(_ user: String?) {
    let name = user.map { "\"\($0)\"" } ?? "null"
    say(#"{"type":"connected","clientId":"c","node":"n","user":\#(name),"pingInterval":25000}"#)
  }

  func close(_ code: CloseCode) {
    send(FrameEncoder.close(code))
  }

  private func send(_ frame: Frame) {
    frame.withHeader { send($0) }
    frame.withPayload { send($0) }
  }

  /// The next text of the client.
  func hear() async throws -> String {
    while texts.isEmpty {
      var bytes = try await receive()
      bytes.withUnsafeMutableBytes { bytes in
        var rest = bytes
        while let event = decoder.next(&rest) {
          if case .text(let text) = event { texts.append(String(decoding: text, as: UTF8.self)) }
        }
      }
    }
    return texts.removeFirst()
  }

  private func send(_ bytes: UnsafeRawBufferPointer) {
    _ = Sys.send(fd, bytes)
  }

  /// What the client has sent next; throws when it is gone.
  private func receive() async throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(fd, &bytes, bytes.count, Int32(MSG_DONTWAIT))
      if count > 0 { return Array(bytes[..<count]) }
      guard count < 0, errno == EAGAIN else { throw SystemError("recv") }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  private static func value(of name: String, in head: String) -> String? {
    head.split(separator: "\r\n").first { $0.hasPrefix("\(name): ") }.map { String($0.dropFirst(name.count + 2)) }
  }
}
