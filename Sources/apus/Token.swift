import ArgumentParser
import FoundationEssentials
import Model
import Node
import Tokens
import Wire

/// `apus token`: make a token by the secret a node has, or explain one.
struct Token: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Make a token for a user, or explain one.",
    discussion: """
      The secret, the audience and the issuer are those of a node: from the same options, variables and file.

        apus token --user alice --ttl 8h
        apus token --user alice --channel 'room:*=subscribe,publish' --channel news=subscribe
        apus token --inspect TOKEN            or - to read it from standard input
      """)

  @Option(help: "Whom the token is for.")
  var user: String?
  @Option(
    help: """
      What its holder may do in the channels of a pattern, as 'room:*=subscribe,publish': subscribe, publish, presence, \
      history, signal. Without any the rules of the channels decide.
      """)
  var channel: [String] = []
  @Option(help: "How long the token counts.")
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
    do {
      let settings = try Settings([file, tokens])
      if let inspect { return try await explain(inspect, settings) }
      printLine(try await mint(settings))
    } catch let error as ConfigurationError {
      throw ValidationError(error.description)
    } catch let error as TokenError {
      throw ValidationError(error.description)
    }
  }

  private func mint(_ settings: Settings) async throws -> String {
    guard let secret = try settings.optionalText(.jwtSecret) else {
      throw ValidationError("A token is signed with a secret: --jwt-secret, APUS_JWT_SECRET or APUS_JWT_SECRET_FILE.")
    }
    guard let name = user else { throw ValidationError("Whom is the token for? --user alice") }
    guard let user = UserName(name) else {
      throw ValidationError("--user takes 1 to \(UserName.maxLength) bytes without control characters.")
    }
    if let info, !JSONScanner.validate(info) { throw ValidationError("--info takes JSON.") }
    guard ttl.value >= 1000 else { throw ValidationError("--ttl is at least 1s.") }
    let mint = TokenMint(
      secret: secret, issuer: try settings.optionalText(.jwtIssuer), audience: try settings.optionalText(.jwtAudience))
    return try await mint.token(
      for: user, grants: channel.isEmpty ? nil : try channel.map(Grant.init(text:)), info: info, from: Self.now,
      lasting: ttl.value / 1000)
  }

  private func explain(_ argument: String, _ settings: Settings) async throws {
    // Copied tokens come with spaces and line ends around them.
    let text = argument == "-" ? readLine() ?? "" : argument
    let token = String(text.filter { !$0.isWhitespace })
    for line in try TokenInspection(token).lines(at: Self.now) { printLine(line) }
    if let verdict = try await verdict(token, settings) { printLine("verdict   \(verdict)") }
  }

  /// Whether a node with these options accepts the token, and why not; nil where it has no key.
  private func verdict(_ token: String, _ settings: Settings) async throws -> String? {
    let files = TokenKeyFiles(
      secret: try settings.optionalText(.jwtSecret), pemFile: try settings.optionalText(.jwtKey),
      jwksFile: try settings.optionalText(.jwks))
    let keys = try await files.load().keys
    guard !keys.isEmpty else { return nil }
    let verifier = TokenVerifier(
      keys, .init(audience: try settings.optionalText(.jwtAudience), issuer: try settings.optionalText(.jwtIssuer)))
    return switch verifier.judge(token, wall: Self.now * 1000) {
    case .success: "a node with these options accepts it"
    case .failure(let refusal): "a node with these options refuses it: \(refusal.message)"
    }
  }

  private static var now: Int64 { Int64(Date().timeIntervalSince1970) }
}
