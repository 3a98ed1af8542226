import Model
import TestSupport
import Testing

@Suite struct IdentifierTests {
  private static let letters = Set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

  // MARK: ClientID

  @Test func clientIDsHaveOneShape() {
    var generator = SplitMix64(seed: 1)
    var seen = Set<UInt8>()
    for _ in 0..<1000 {
      let id = ClientID.random(using: &generator)
      #expect(id.string.hasPrefix("c-"))
      #expect(id.string.utf8.count == 14)
      #expect(id.string.utf8.dropFirst(2).allSatisfy(Self.letters.contains))
      #expect(id.description == id.string)
      seen.formUnion(id.string.utf8.dropFirst(2))
    }
    #expect(seen == Self.letters, "every letter and digit is used")
  }

  @Test func clientIDsAreUnique() {
    var generator = SystemRandomNumberGenerator()
    let ids = (0..<100_000).map { _ in ClientID.random(using: &generator) }
    #expect(Set(ids).count == ids.count)
  }

  @Test func clientIDsDependOnTheGeneratorAlone() {
    var (one, same, other) = (SplitMix64(seed: 7), SplitMix64(seed: 7), SplitMix64(seed: 8))
    let id = ClientID.random(using: &one)
    #expect(id == ClientID.random(using: &same))
    #expect(id != ClientID.random(using: &other))
  }

  // MARK: NodeID

  @Test func nodeIDsAreNameAndRandomText() throws {
    var generator = SplitMix64(seed: 2)
    let first = try #require(NodeID(name: "web-1", using: &generator))
    let second = try #require(NodeID(name: "web-1", using: &generator))
    #expect(first.name == "web-1")
    #expect(first.string.hasPrefix("web-1."))
    #expect(first.string.utf8.count == "web-1.".utf8.count + 6)
    #expect(first.string.utf8.dropFirst(6).allSatisfy(Self.letters.contains))
    #expect(first.description == first.string)
    #expect(first != second, "a new life is another id")
  }

  @Test func nodeIDsAreKnownByTheirShape() throws {
    var generator = SplitMix64(seed: 3)
    for name in ["a", "web-1", String(repeating: "n", count: 40)] {
      let id = try #require(NodeID(name: name, using: &generator))
      #expect(NodeID.isValid(id.string))
    }
    for id in ["a.b", "-.-", "0.0"] { #expect(NodeID.isValid(id)) }
  }

  @Test(arguments: [
    "", ".", "..", "a", "a.", ".b", "a..b", "a.b.c", "a.b.", ".a.b", "a b.c", "a.b ", "a.b\n", "a_b.c", "a.é", "é.b",
    "a:b.c",
    "a.*", "a.b\u{301}", "a.\u{301}b", "a\u{301}.b", "a.b\0", String(repeating: "a", count: 41) + ".b",
    "a." + String(repeating: "b", count: 41),
  ])
  func nothingElseIsTheIDOfANode(_ id: String) {
    #expect(!NodeID.isValid(id))
  }

  @Test func nodeNamesAreLettersDigitsAndHyphens() {
    for value in UInt8(0)..<128 {
      let isAllowed = Self.letters.contains(value) || value == UInt8(ascii: "-")
      let name = String(decoding: [UInt8(ascii: "a"), value], as: UTF8.self)
      #expect(NodeID.isValidName(name) == isAllowed, "\(name.debugDescription)")
    }
    #expect(!NodeID.isValidName("é"))
    #expect(!NodeID.isValidName("a.b"), "the dot separates the random part")
  }

  @Test func nodeNamesHaveUpTo40Characters() {
    var generator = SplitMix64(seed: 3)
    #expect(NodeID(name: "", using: &generator) == nil)
    #expect(NodeID(name: "a", using: &generator) != nil)
    #expect(NodeID(name: String(repeating: "a", count: 40), using: &generator) != nil)
    #expect(NodeID(name: String(repeating: "a", count: 41), using: &generator) == nil)
  }

  // MARK: Others

  @Test func sessionsOfOneSlotDifferByGeneration() {
    #expect(SessionID(slot: 1, generation: 0) == SessionID(slot: 1, generation: 0))
    #expect(SessionID(slot: 1, generation: 0) != SessionID(slot: 1, generation: 1))
    #expect(SessionID(slot: 1, generation: 0) != SessionID(slot: 0, generation: 1))
  }

  @Test func requestIDsKeepTheirJSON() {
    #expect(RequestID(json: "1") != RequestID(json: "\"1\""))
    #expect(RequestID(json: "\"\\u0061\"").json == "\"\\u0061\"")
  }
}
