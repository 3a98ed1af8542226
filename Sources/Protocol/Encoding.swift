import Model
import WebSocket

/// How a connection is told what it is told: by which protocol, in which framing, how compressed.
///
/// Here a codec is chosen, and nowhere else. There is one protocol, `apus.v1`, and one framing, that of WebSocket; so
/// encodings differ by compression alone, which `Server`'s `FrameVariants` adds to the frames that are made here.
package struct Encoding: Hashable, Sendable {
  /// The window of permessage-deflate; nil without it.
  package var window: DeflateWindow?

  package init(window: DeflateWindow? = nil) {
    self.window = window
  }

  /// The frame of an event of a channel, not compressed; it shares the event's bytes.
  package func frame(of event: ChannelEvent) -> Frame { ApusCodec.frame(of: event) }

  /// The frame of an event that belongs to no channel, not compressed; it shares the event's bytes.
  package func frame(of text: EventText) -> Frame { ApusCodec.frame(of: text) }

  /// The frame of a reply, not compressed.
  package func frame(of reply: Reply) -> Frame { ApusCodec.frame(of: reply) }
}
