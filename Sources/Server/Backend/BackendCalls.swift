import Reactor

/// A loop's calls to the backend: those that are open, and where their answers come.
struct BackendCalls {
  var open = OpenCalls()
  let answers: Mailbox<BackendDispatcher.Answer>

  init(answers: Mailbox<BackendDispatcher.Answer>) {
    self.answers = answers
  }
}
