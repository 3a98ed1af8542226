import WebSocket

/// How a connection is told what it is told. Connections of one encoding share the bytes of an event.
///
/// There is one protocol, `apus.v1` (`ApusCodec`), and one framing, that of WebSocket; so an encoding is how it is compressed.
package struct Encoding: Hashable, Sendable {
  /// The window of permessage-deflate; nil without it.
  package var window: DeflateWindow?

  package init(window: DeflateWindow? = nil) {
    self.window = window
  }
}
