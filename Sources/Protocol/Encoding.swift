import Model
import WebSocket

/// How a connection is told what it is told: by which protocol, in which framing, how compressed.
///
/// Here a codec is chosen, and nowhere else. There is one protocol, `apus.v1`, and two framings. What goes to many is made as
/// a WebSocket's frame; `Server`'s `FrameVariants` makes of it what connections of another framing, or with compression,
/// get.
package struct Encoding: Hashable, Sendable {
  package enum Framing: Hashable, Sendable {
    case webSocket
    /// Server-Sent Events.
    case events
    /// JSON alone, as the answer to a poll has it.
    case text
  }

  package var framing: Framing
  /// The window of permessage-deflate; nil without it.
  package var window: DeflateWindow?

  package init(framing: Framing = .webSocket, window: DeflateWindow? = nil) {
    self.framing = framing
    self.window = window
  }

  /// The frame of an event of a channel, not compressed; as a WebSocket's it shares the event's bytes.
  package func frame(of event: ChannelEvent) -> Frame {
    switch framing {
    case .webSocket: ApusCodec.frame(of: event)
    case .events: EventStream.frame(of: event)
    case .text: EventStream.text(of: ApusCodec.frame(of: event))
    }
  }

  /// The frame of an event that belongs to no channel, not compressed; as a WebSocket's it shares the event's bytes.
  package func frame(of text: EventText) -> Frame {
    switch framing {
    case .webSocket: ApusCodec.frame(of: text)
    case .events: EventStream.frame(of: text)
    case .text: EventStream.text(of: ApusCodec.frame(of: text))
    }
  }

  /// The frame of a reply, not compressed.
  package func frame(of reply: Reply) -> Frame {
    switch framing {
    case .webSocket: ApusCodec.frame(of: reply)
    case .events: EventStream.frame(of: reply)
    case .text: Frame(unframed: Array(ApusCodec.json(of: reply).utf8))
    }
  }

  /// What a WebSocket's frame, made for many, becomes here, but for compression.
  package func frame(of frame: Frame) -> Frame {
    switch framing {
    case .webSocket: frame
    case .events: EventStream.frame(of: frame)
    case .text: EventStream.text(of: frame)
    }
  }
}
