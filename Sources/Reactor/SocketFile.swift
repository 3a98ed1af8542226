import Glibc

/// The file of a unix socket that this process has made.
package struct SocketFile: Sendable {
  private let path: String
  private let device: dev_t
  private let inode: ino_t

  /// The socket that stands at the path now; nil where there is none.
  init?(at path: String) {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
    self.path = path
    device = status.st_dev
    inode = status.st_ino
  }

  /// Takes the file away, unless something else stands in its place by now. To be called while the socket is open, since
  /// the number of its inode is nobody else's for so long.
  package func remove() {
    guard let present = SocketFile(at: path), present.device == device, present.inode == inode else { return }
    unlink(path)
  }
}
