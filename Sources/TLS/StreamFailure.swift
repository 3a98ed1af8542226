import CTLS

/// Why a stream is of no use any more.
package struct StreamFailure: Error, Equatable, Sendable {
  /// What those who know the options and the URL can give advice on.
  package enum Problem: Sendable {
    /// The peer speaks something else than TLS.
    case plain
    /// The peer's certificate is signed by nobody who is trusted.
    case untrusted
    /// The peer's certificate is for another name.
    case name
    /// The peer asks for a certificate, or refuses the one it got.
    case ownCertificate
    case other
  }

  /// A sentence without its end, such as `its certificate has expired`.
  package let reason: String
  package let problem: Problem

  package init(reason: String, problem: Problem = .other) {
    self.reason = reason
    self.problem = problem
  }
}

extension StreamFailure.Problem {
  init(_ problem: ctls_problem) {
    self =
      switch problem {
      case .CTLS_PROBLEM_PLAIN: .plain
      case .CTLS_PROBLEM_UNTRUSTED: .untrusted
      case .CTLS_PROBLEM_NAME: .name
      case .CTLS_PROBLEM_OWN_CERTIFICATE: .ownCertificate
      case .CTLS_PROBLEM_OTHER: .other
      }
  }
}
