package enum MessageKind: Sendable {
  case text
  case binary
}

/// What a peer sent, as `FrameDecoder` tells it. The bytes are lent until the decoder is called again.
package enum FrameEvent {
  /// One whole message, valid UTF-8.
  case text(UnsafeRawBufferPointer)
  /// One whole message.
  case binary(UnsafeRawBufferPointer)
  /// One whole message as permessage-deflate has it, to be inflated and, if it is a text, checked (RFC 7692).
  case compressed(MessageKind, UnsafeRawBufferPointer)
  /// At most 125 bytes, to be sent back in a pong.
  case ping(UnsafeRawBufferPointer)
  /// At most 125 bytes.
  case pong(UnsafeRawBufferPointer)
  /// The peer's code, nil for a close frame without one, and its reason, valid UTF-8 of at most 123 bytes.
  case close(CloseCode?, UnsafeRawBufferPointer)
  /// The peer broke a rule: the code to close with (1002 protocol, 1007 UTF-8, 1009 too big) and what it was.
  case violation(CloseCode, StaticString)
}
