import ArgumentParser
import FoundationEssentials
import JSON
import Model
import Node
import Tokens

/// `apus token`: make a token by the secret a node has, or explain one.
struct Token: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a token for a user, or explain one.",
    usage: "apus token [<options>]",
    discussion: """
        apus token --user alice --ttl 7d
        apus token --user alice --channel 'room:*=subscribe,publish'
        apus token --inspect TOKEN            or - to read it from standard input

      The secret, the audience and the issuer are those of a node: from the same options, variables and file. A token to \
      explain that a node with these options refuses has status 1.
      """)

  @Option(help: "Whom the token is for.")
  var user: String?
  @Option(
    help: """
      What its holder may do in the channels of a pattern, as 'room:*=subscribe,publish': subscribe, publish, presence, \
      history, signal. Without any the rules of the channels decide.
      """)
  var channel: [String] = []
  @Option(help: "How long the token counts, from 1s on.", transform: Milliseconds.init(argument:))
  var ttl = Milliseconds(3_600_000)
  @Option(help: "JSON that presence shows of the user.")
  var info: String?
  @Option(help: "Explain this token instead.")
  var inspect: String?
  @OptionGroup(title: "As a node has them")
  var tokens: TokenOptions
  @OptionGroup
  var file: FileOptions

  func run() async throws {
    let settings = try Settings([file, tokens])
    if let inspect {
      try await explain(inspect, settings)
    } else {
      printLine(try await mint(settings))
    }
  }

  private func mint(_ settings: Settings) async throws -> String {
    guard let user else { throw ValidationError("Whom is the token for? --user alice") }
    guard let user = UserName(user) else {
      throw ValidationError("--user takes 1 to \(UserName.maxLength) bytes without control characters.")
    }
    if let info, !JSONScanner.validate(info) { throw ValidationError("--info takes JSON.") }
    guard ttl.value >= 1000 else { throw ValidationError("--ttl is at least 1s.") }
    let grants = try grants()
    guard let secret = try settings.optionalText(.jwtSecret) else {
      throw Failure("A token is signed with a secret: --jwt-secret, APUS_JWT_SECRET or APUS_JWT_SECRET_FILE.")
    }
    let mint = TokenMint(
      secret: secret, issuer: try settings.optionalText(.jwtIssuer), audience: try settings.optionalText(.jwtAudience))
    return try await mint.token(for: user, grants: grants, info: info, from: Self.now, lasting: ttl.value / 1000)
  }

  /// Nil where the rules of the channels decide.
  private func grants() throws -> [Grant]? {
    do {
      return channel.isEmpty ? nil : try channel.map { text throws(TokenError) in try Grant(text: text) }
    } catch {
      throw ValidationError(error.description)
    }
  }

  private func explain(_ argument: String, _ settings: Settings) async throws {
    let text =
      argument == "-"
      ? try StandardInput.text(limit: Self.longest, "A token has at most \(Self.longest) bytes.") : argument
    // Copied tokens come with spaces and line ends around them.
    let token = String(text.filter { !$0.isWhitespace })
    for line in try TokenInspection(token).lines(at: Self.now) { printLine(line) }
    switch try await verdict(token, settings) {
    case nil: break
    case .success: printLine("verdict   a node with these options accepts it")
    case .failure(let refusal):
      printLine("verdict   a node with these options refuses it: \(refusal.message)")
      throw ExitCode.failure
    }
  }

  /// Whether a node with these options accepts the token, and why not; nil where it has no key.
  private func verdict(_ token: String, _ settings: Settings) async throws -> Result<Identity, Refusal>? {
    let files = TokenKeyFiles(
      secret: try settings.optionalText(.jwtSecret), pemFile: try settings.optionalText(.jwtKey),
      jwksFile: try settings.optionalText(.jwks))
    let keys = try await files.load().keys
    guard !keys.isEmpty else { return nil }
    let verifier = TokenVerifier(
      keys, .init(audience: try settings.optionalText(.jwtAudience), issuer: try settings.optionalText(.jwtIssuer)))
    return verifier.verify(token, wall: Self.now * 1000)
  }

  /// The longest token that is explained, in bytes: longer than any that a handshake has room for.
  private static let longest = 65536
  private static var now: Int64 { Int64(Date().timeIntervalSince1970) }
}
