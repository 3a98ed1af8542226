import Cluster
import TestSupport
import Testing

@testable import Hub

@Suite struct ChannelTableTests {
  @Test func manyChannelsAreCountedInParts() {
    var table = ChannelTable(.one)
    for number in 0..<10_000 {
      let index = table.intern(channel("room:\(number)"), rule: nil).index
      if number % 2 == 0 { table[index].listeners = [UInt32(number)] }
    }
    var found: [String] = []
    var start: Int? = 0
    var parts = 0
    while let place = start {
      let part = table.census(from: place, places: 4096)
      found += part.sizes.map(\.name.string)
      start = part.next
      parts += 1
    }
    #expect(parts == 3)
    #expect(found.count == 5000 && Set(found).count == 5000)
    #expect(table.census(from: 20_000, places: 10).sizes.isEmpty)
  }
}
