import Reactor

/// A loop's calls to the backend: those that are open, and where their answers come.
struct BackendCalls {
  var open = OpenCalls()
  let answers: Mailbox<BackendDesk.Answer>

  init(answers: Mailbox<BackendDesk.Answer>) {
    self.answers = answers
  }
}
