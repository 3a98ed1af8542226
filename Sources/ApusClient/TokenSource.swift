import Reactor

/// Gives the token by which a client proves to the node who it is: a JSON Web Token in its compact form.
///
/// Is asked before every connection and when the node says that the token in use is about to expire, never twice at
/// once. The client waits for the answer however long it takes. A token that the node has just refused, or called
/// expired, ends the client when it comes again.
public typealias TokenProvider = @Sendable () async throws -> String

/// The program's `TokenProvider`, as a loop asks it: in a task, with the answer by mailbox.
final class TokenSource {
  typealias Answer = Result<ClientToken, ApusClientError>

  private let provider: TokenProvider
  private let answers: Mailbox<Answer>
  private var asking: Task<Void, Never>?

  /// `answered` is called on the loop, once for each `ask`.
  init(_ provider: @escaping TokenProvider, on loop: Loop, _ answered: @escaping (Answer) -> Void) {
    self.provider = provider
    answers = Mailbox(on: loop)
    answers.receive(answered)
  }

  func ask() {
    // Not `Self`, which Swift 6.3 cannot check here.
    asking = Task { [provider, answers] in answers.post(await TokenSource.answer(of: provider)) }
  }

  /// Nobody waits for the answer any more.
  func cancel() {
    asking?.cancel()
  }

  private static func answer(of provider: TokenProvider) async -> Answer {
    do {
      return .success(try ClientToken(try await provider()))
    } catch let error as ApusClientError {
      return .failure(error)
    } catch {
      return .failure(ApusClientError(.noToken, "There is no token: \(error)"))
    }
  }
}

@available(*, unavailable)
extension TokenSource: Sendable {}
