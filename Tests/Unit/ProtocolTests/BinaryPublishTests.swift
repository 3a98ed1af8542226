import Model
import Protocol
import Testing

@Suite struct BinaryPublishTests {
  private func channel(_ bytes: [UInt8]) -> Result<ChannelName, Refusal> {
    bytes.withUnsafeBytes { BinaryPublish.channel(of: $0) }
  }

  private func message(_ name: String, payload: [UInt8] = []) -> [UInt8] {
    let name = Array(name.utf8)
    return [1, UInt8(name.count >> 8), UInt8(name.count & 0xFF)] + name + payload
  }

  @Test(arguments: ["r", "room:1", "é", String(repeating: "x", count: 200)])
  func theNameIsRead(_ name: String) throws {
    let expected = try ChannelName.known(name)
    for payload in [[], [0], [UInt8](repeating: 0xFF, count: 1000)] as [[UInt8]] {
      #expect(try channel(message(name, payload: payload)).get() == expected)
    }
  }

  @Test(
    arguments: [[], [0], [2, 0, 1, 0x72], [0x7B, 0x7D], [1], [1, 0], [1, 0, 2, 0x72], [1, 0xFF, 0xFF, 0x72]]
      as [[UInt8]])
  func whatIsNoPublishIsRefused(_ bytes: [UInt8]) {
    guard case .failure(let refusal) = channel(bytes) else { return #expect(Bool(false), "\(bytes) was taken") }
    #expect(refusal.code == .badRequest)
  }

  @Test(
    arguments: [
      [1, 0, 0], [1, 0, 0, 0x72], [1, 0, 1, 0x20], [1, 0, 1, 0x7B], [1, 0, 1, 0xFF], [1, 0, 2, 0xC3, 0x28],
      [1, 0, 3, 0xED, 0xA0, 0x80], [1, 0, 201] + [UInt8](repeating: 0x78, count: 201),
    ] as [[UInt8]])
  func whatIsNoNameIsRefused(_ bytes: [UInt8]) {
    guard case .failure(let refusal) = channel(bytes) else { return #expect(Bool(false), "\(bytes) was taken") }
    #expect(refusal.code == .invalidChannel)
  }
}
