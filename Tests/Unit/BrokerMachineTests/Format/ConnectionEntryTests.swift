import Broker
import Cluster
import Model
import TestSupport
import Testing

@Suite struct ConnectionEntryTests {
  @Test func whoIsConnected() {
    var connection = OpenConnection(
      client: ClientID("c-1"), user: user("al\"ice"), address: "192.0.2.1", since: 1_730_000_000_123)
    let entry = ConnectionEntry.encode(connection)
    #expect(
      String(decoding: entry, as: UTF8.self) == #"{"user":"al\"ice","ip":"192.0.2.1","since":1730000000123}"#)
    #expect(entry.withUnsafeBytes(ConnectionEntry.user) == user("al\"ice"))
    connection.user = nil
    connection.address = nil
    let nobody = ConnectionEntry.encode(connection)
    #expect(String(decoding: nobody, as: UTF8.self) == #"{"user":null,"ip":null,"since":1730000000123}"#)
    for text in [String(decoding: nobody, as: UTF8.self), "", "x", "{}", #"{"user":1}"#, #"{"user":""}"#, "[]"] {
      #expect(withBytes(of: text, ConnectionEntry.user) == nil)
    }
  }
}
