/// What a `ClientSession` wants done.
enum SessionAction: Equatable {
  /// Ask the program for a token, and bring the answer by `tokenArrived`.
  case askForToken
  /// Open a connection that proves who it is by that token.
  case connect(token: ClientToken?)
  /// Send one text on it.
  case send(String)
  /// Close it; nothing more of it is told.
  case disconnect
  /// Tell the program.
  case tell(ClientEvent)
  /// Answer one of the program's requests.
  case answer(RequestNumber, Result<SessionReply, ApusClientError>)
  /// It is over: with an error unless the program asked for it.
  case finish(ApusClientError?)
}

/// What the program's requests are told apart by; the `id` of their commands.
typealias RequestNumber = Int

/// The good answer to one request.
enum SessionReply: Equatable {
  case connected
  case subscribed(Subscription)
  case unsubscribed
  case published(Position?)
  case members([Member]?, count: Int)
}
