import Glibc

/// Prints a line at once, also into a pipe.
func printLine(_ line: String) {
  print(line)
  fflush(nil)
}

/// Prints a line for people, beside what the command is for.
func complain(_ line: String) {
  printToStandardError("apus: \(line)")
}

func printToStandardError(_ line: String) {
  var text = line + "\n"
  _ = text.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
