/// Why a command that was given rightly came to nothing, in a sentence that says what to do: the status is 1.
///
/// A wrong command line is a `ValidationError`: it comes with the usage, and the status is 64.
struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
