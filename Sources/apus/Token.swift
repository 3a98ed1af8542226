import ArgumentParser
import FoundationEssentials
import JSON
import Model
import Node
import Tokens

/// `apus token`: make a token by the secret a node has, or explain one.
struct Token: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Create a token for a user, or explain one.",
    usage: "apus token [<options>]",
    discussion: """
        apus token --user alice --ttl 7d
        apus token --user alice --channel 'room:*=subscribe,publish'
        apus token --inspect TOKEN            or - to read it from standard input

      The secret, the audience and the issuer come from the same options, variables and file as those of a node. With \
      --inspect the exit status is 1 if a node with these options would refuse the token.
      """)

  @Option(help: "User that the token is for.")
  var user: String?
  @Option(
    help: """
      Capabilities in the channels that match a pattern, such as 'room:*=subscribe,publish': subscribe, publish, \
      presence, history, signal. Without this option the channel rules decide.
      """)
  var channel: [String] = []
  @Option(help: "Lifetime of the token, at least 1s.", transform: Milliseconds.init(argument:))
  var ttl = Milliseconds(3_600_000)
  @Option(help: "JSON that presence shows with the user.")
  var info: String?
  @Option(help: "Token to explain, instead of creating one.")
  var inspect: String?
  @OptionGroup(title: "Same as for a node")
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
    guard let user else { throw ValidationError("The token needs a user, such as --user alice.") }
    guard let user = UserName(user) else {
      throw ValidationError("--user takes 1 to \(UserName.maxLength) bytes without control characters.")
    }
    if let info, !JSONScanner.validate(info) { throw ValidationError("--info takes JSON.") }
    guard ttl.value >= 1000 else { throw ValidationError("--ttl must be at least 1s.") }
    let grants = try grants()
    guard let secret = try settings.optionalText(.jwtSecret) else {
      throw Failure("There is no secret to sign with: set --jwt-secret, APUS_JWT_SECRET or APUS_JWT_SECRET_FILE.")
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
      ? try StandardInput.text(limit: Self.longest, "The token is longer than \(Self.longest) bytes.") : argument
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
