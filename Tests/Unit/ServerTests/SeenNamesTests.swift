import Testing

@testable import Server

@Suite struct SeenNamesTests {
  @Test func eachIsNewOnce() {
    var names = SeenNames()
    #expect(names.see("https://a.example") == .new("https://a.example"))
    #expect(names.see("https://b.example") == .new("https://b.example"))
    #expect(names.see("https://a.example") == .known)
  }

  @Test func aHundredAreRemembered() {
    var names = SeenNames()
    for number in 0..<SeenNames.capacity { #expect(names.see("\(number)") == .new("\(number)")) }
    #expect(names.see("0") == .known)
    #expect(names.see("x") == .tooMany)
    for number in 0..<1000 { #expect(names.see("x\(number)") == .known) }
  }

  @Test func whatIsNotVisibleIsEscaped() {
    var names = SeenNames()
    #expect(names.see("a b\n\u{1B}\u{9B}\\\u{202E}") == .new(#"a\u{20}b\u{a}\u{1b}\u{9b}\u{5c}\u{202e}"#))
    #expect(names.see("") == .new(""))
  }

  @Test func longOnesAreCut() {
    var names = SeenNames()
    let long = String(repeating: "x", count: SeenNames.maxLength)
    #expect(names.see(long) == .new(long))
    #expect(names.see(long + "a") == .new(long + "..."))
    #expect(names.see(long + "b") == .known)
  }
}
