/// One endpoint's closing handshake: RFC 6455 section 7, and what its end is counted as.
///
/// At most one close frame is ever sent, and none is left out unless the peer, or time, has ended the connection first.
package struct CloseMachine: Sendable {
  /// What the connection is to do.
  package enum Action: Equatable, Sendable {
    case none
    /// Send a close frame with this code and wait, for a limited time, for the peer's.
    case send(CloseCode)
    /// Send a close frame with this code, an empty one for nil, and then end as with `endAfterFlush`.
    case sendAndEnd(CloseCode?)
    /// Nothing more will be sent: when what is queued has left, end the stream.
    case endAfterFlush
    /// Let go of the connection at once.
    case drop
  }

  private enum State {
    case open
    /// Our close frame is sent, the peer's awaited.
    case closeSent
    /// Neither frame is outstanding, or none is waited for; what is queued may still be on its way.
    case ending
    case closed
  }

  private var state = State.open
  private var cause: CloseCode?

  /// The machine of a connection that has just opened.
  package init() {}

  /// Whether messages are still sent and taken. Once false, data from the peer is ignored.
  package var isOpen: Bool { state == .open }

  /// What the disconnect counts as: our code if we began, else the peer's, 1005 for its empty close frame, 1006 when
  /// there was none (RFC 6455 section 7.1.5).
  package var disconnectCode: CloseCode { cause ?? .abnormal }

  /// We want to close.
  package mutating func closing(_ code: CloseCode) -> Action {
    switch state {
    case .open:
      cause = code
      state = .closeSent
      return .send(code)
    case .closeSent, .ending, .closed:
      return .none
    }
  }

  /// The peer broke a rule, so that nothing it sends can be understood any more (RFC 6455 section 7.1.7).
  package mutating func failed(_ code: CloseCode) -> Action {
    switch state {
    case .open:
      cause = code
      state = .ending
      return .sendAndEnd(code)
    case .closeSent:
      state = .ending
      return .endAfterFlush
    case .ending, .closed:
      return .none
    }
  }

  /// The peer's close frame came, with this code or none; it is echoed unless it is the answer to ours.
  package mutating func received(_ code: CloseCode?) -> Action {
    switch state {
    case .open:
      cause = code ?? .noStatus
      state = .ending
      return .sendAndEnd(code)
    case .closeSent:
      state = .ending
      return .endAfterFlush
    case .ending, .closed:
      return .none
    }
  }

  /// The peer ended its stream. It may still read what is on its way to it, so a close frame that is queued is sent.
  package mutating func peerEnded() -> Action {
    switch state {
    case .open:
      state = .closed
      return .drop
    case .closeSent:
      state = .ending
      return .endAfterFlush
    case .ending, .closed:
      return .none
    }
  }

  /// Closing took too long.
  package mutating func timeout() -> Action {
    switch state {
    case .open, .closeSent, .ending:
      state = .closed
      return .drop
    case .closed:
      return .none
    }
  }
}
