import JSON
import Model

/// Results of the methods that a node answers itself, as JSON text.
package enum MethodResult {
  /// Who the client is.
  package static func whoami(client: ClientID, node: NodeID, user: UserName?) -> String {
    var writer = ByteWriter(capacity: 128)
    writer.append(literal: #"{"user":"#)
    Interchange.appendName(user, to: &writer)
    writer.append(literal: #","clientId":"#)
    writer.append(quoting: client.string)
    writer.append(literal: #","node":"#)
    writer.append(quoting: node.string)
    writer.append(byte: UInt8(ascii: "}"))
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// What limits hold for a connection: sizes in bytes; `rate` is commands a second, 0 for no limit, and `burst` how many
  /// at once.
  package static func limits(
    maxMessageSize: Int, maxOutbox: Int, maxChannels: Int, rate: Double, burst: Double
  ) -> String {
    let sizes = #""maxMessageSize":\#(maxMessageSize),"maxOutbox":\#(maxOutbox)"#
    return #"{\#(sizes),"maxChannels":\#(maxChannels),"rate":\#(plain(rate)),"burst":\#(plain(burst))}"#
  }

  /// Without a fraction where there is none.
  private static func plain(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? String(number) }

  /// The channels that a connection is subscribed to: a list of names.
  package static func channels(_ names: [ChannelName]) -> String {
    var writer = ByteWriter(capacity: 128)
    writer.append(byte: UInt8(ascii: "["))
    for (index, name) in names.enumerated() {
      if index > 0 { writer.append(byte: UInt8(ascii: ",")) }
      writer.append(quoting: name.string)
    }
    writer.append(byte: UInt8(ascii: "]"))
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
