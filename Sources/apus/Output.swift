import Glibc

/// Prints a line at once, also into a pipe.
func printLine(_ line: String) {
  print(line)
  fflush(nil)
}
