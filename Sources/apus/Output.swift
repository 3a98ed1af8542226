import Glibc
import JSON
import Reactor

/// Prints one line at once, also into a pipe; what could control a terminal is escaped in it.
func printLine(_ line: String) {
  printText(line.printable)
}

/// Prints lines of our own, in which words of peers are printable already.
func printText(_ text: String) {
  let failure = put(text + "\n", on: STDOUT_FILENO)
  if failure == EPIPE { endWithoutReader() }
  if failure != 0 {
    printError("Cannot write to standard output: \(SystemError("write", errno: failure)).")
    exit(1)
  }
}

/// Prints a line for people, beside what the command is for.
func printError(_ line: String) {
  printToStandardError("apus: \(line.printable)")
}

/// Prints lines as `printText` does; when nobody reads them that is no reason to end.
func printToStandardError(_ text: String) {
  _ = put(text + "\n", on: STDERR_FILENO)
}

/// Ends the process as soon as nobody reads its standard output any more, also while there is nothing to print.
func endWithReaderOfOutput() throws {
  try DetachedThread.start {
    var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
    while poll(&output, 1, -1) < 0, errno == EINTR {}
    if output.revents & Int16(POLLERR | POLLHUP) != 0 { endWithoutReader() }
  }
}

/// Ends as a program does that writes into a pipe without a reader (SIGPIPE), in a shell's words with status 141.
private func endWithoutReader() -> Never {
  _exit(128 + SIGPIPE)
}

/// Writes all of it; returns 0, or the `errno` of what went wrong.
private func put(_ text: String, on file: Int32) -> Int32 {
  var text = text
  return text.withUTF8 { bytes in
    var rest = UnsafeRawBufferPointer(bytes)
    while !rest.isEmpty {
      let count = write(file, rest.baseAddress, rest.count)
      if count >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if errno == EAGAIN {
        var room = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        poll(&room, 1, -1)
      } else if errno != EINTR {
        return errno
      }
    }
    return 0
  }
}
