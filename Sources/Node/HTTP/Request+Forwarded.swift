import HTTPTypes
import HummingbirdCore
import Model
import NIOCore
import Server

/// Reads what trusted proxies have added to a request.
extension TrustedProxies {
  /// Tells whether the client came by https.
  func isSecure(_ request: Request, on channel: any Channel) -> Bool {
    isSecure(peer: channel.peerAddress, forwardedProto: request.headers.entries(of: "x-forwarded-proto"))
  }

  /// The address of the client that has sent a request with these headers.
  func client(of headers: HTTPFields, on channel: any Channel) -> IPAddress? {
    client(peer: channel.peerAddress, forwardedFor: headers.entries(of: "x-forwarded-for"))
  }
}

extension Channel {
  /// Where the connection comes from; nil for a unix socket.
  var peerAddress: IPAddress? { remoteAddress?.ipAddress.flatMap(IPAddress.init) }
}

extension HTTPFields {
  /// The entries of a header that is a list, however many lines it has, without spaces and tabs. Each proxy adds at the end.
  func entries(of name: String) -> [String] {
    filter { $0.name.canonicalName == name }.flatMap { $0.value.split(separator: ",") }
      .map { String($0.filter { $0 != " " && $0 != "\t" }) }
  }
}
