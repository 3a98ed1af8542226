import Testing

@testable import WebSocket

/// What is agreed on: RFC 7692 section 7.1.
@Suite struct PerMessageDeflateTests {
  private static let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

  @Test(arguments: [
    "permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=8",
    "permessage-deflate;client_max_window_bits=\"15\"",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "x-webkit-deflate-frame, permessage-deflate", "permessage-bzip2; level=9 , permessage-deflate",
    ", ,permessage-deflate,,",
    // One that cannot be met, and one that can.
    "permessage-deflate; server_max_window_bits=8, permessage-deflate",
    "permessage-deflate; turbo, permessage-deflate",
  ])
  func acceptedWithTheWholeWindow(_ offer: String) throws {
    let accepted = try #require(try PerMessageDeflate(offered: [offer]))
    #expect(accepted.window == .whole)
    #expect(accepted.response == Self.plain)
  }

  /// The answer may be smaller than the offer (section 7.1.2.1).
  @Test(arguments: 9...14)
  func anySmallerWindowIsTheSmallOne(_ bits: Int) throws {
    let accepted = try #require(
      try PerMessageDeflate(offered: ["permessage-deflate; client_max_window_bits; server_max_window_bits=\(bits)"]))
    #expect(accepted.window == .small)
    #expect(accepted.response == Self.plain + "; server_max_window_bits=9")
  }

  @Test func theWholeWindowIsNamedWhereItIsOffered() throws {
    let accepted = try #require(try PerMessageDeflate(offered: ["permessage-deflate; server_max_window_bits=15"]))
    #expect(accepted.window == .whole)
    #expect(accepted.response == Self.plain + "; server_max_window_bits=15")
  }

  @Test func theFirstOfferThatCanBeMetCounts() throws {
    let accepted = try PerMessageDeflate(offered: [
      "permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=15",
    ])
    #expect(accepted?.window == .small)
  }

  @Test(arguments: [
    "", "permessage-bzip2", "Permessage-Deflate", "permessage-deflate; server_max_window_bits",
    "permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits=8",
    "permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits=010",
    "permessage-deflate; server_max_window_bits=1e1", "permessage-deflate; server_max_window_bits=99999999999999999999",
    "permessage-deflate; client_max_window_bits=7", "permessage-deflate; client_max_window_bits=x",
    "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_no_context_takeover=true",
    "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
    "permessage-deflate; client_no_context_takeover; client_no_context_takeover", "permessage-deflate; level=3",
  ])
  func declined(_ offer: String) throws {
    #expect(try PerMessageDeflate(offered: [offer]) == nil)
  }

  @Test func nothingOfferedNothingAgreed() throws {
    #expect(try PerMessageDeflate(offered: []) == nil)
  }

  @Test(arguments: [
    ";", "permessage-deflate;", "permessage-deflate; =8", "permessage-deflate; a=", "permessage-deflate; a=\"",
    "permessage-deflate; a=\"b", "permessage-deflate; a=\"b c\"", "permessage-deflate; a=\"\"", "permessage-deflate x",
    "permessage deflate", "permessage-deflate; a==b", "permessage-deflate; a=b=c", "(comment)", "a=b",
    "permessage-deflate; a=\"b\\", "é",
  ])
  func whatIsNoListIsRefused(_ header: String) {
    let refusal = #expect(throws: HandshakeRefusal.self) { try PerMessageDeflate(offered: [header]) }
    #expect(refusal?.status == 400)
  }
}
