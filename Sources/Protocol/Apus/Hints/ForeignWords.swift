/// What other protocols call things that have another name here: Socket.IO, Pusher, Phoenix, Django Channels, and words that
/// people try first. All in lower case.
enum ForeignWords {
  /// Commands that other servers know.
  static let commands: [Substring: Command.Kind] = {
    var words: [Substring: Command.Kind] = [:]
    for type in Command.Kind.types {
      for word in others(for: type).split(whereSeparator: \.isWhitespace) { words[word] = type }
    }
    return words
  }()

  private static func others(for type: Command.Kind) -> String {
    switch type {
    case .subscribe:
      """
      join sub listen enter follow attach watch phx_join group_add join_room joinroom join-room join_channel joinchannel
      on psubscribe addlistener
      """
    case .unsubscribe:
      """
      leave unsub part exit unfollow detach phx_leave group_discard leave_room leaveroom leave-room leave_channel
      leavechannel off punsubscribe quit
      """
    case .publish:
      """
      emit event broadcast pub post push say msg text trigger chat chat_message chat.message chatmessage group_send
      new_msg new_message shout send_message sendmessage send_to_room write
      """
    case .signal: "whisper typing volatile cursor"
    case .send: "direct dm private private_message notify send_to_user"
    case .auth:
      """
      login authenticate authorize authorization token identify signin sign_in connect hello connection_init session
      """
    case .ping: "heartbeat keepalive keep-alive keep_alive hb pong"
    case .request: "rpc call invoke query req command method"
    case .history: "messages replay backlog recover get_history gethistory log get_messages"
    case .presence: "members who here here_now users online roster presence_state list"
    case .jsonRPC, .binary, .invalid: ""
    }
  }

  /// What others put in the place of a member.
  static func names(for member: Envelope.Key) -> [Substring] {
    let names =
      switch member {
      case .type:
        """
        event action command cmd op method kind operation messagetype message_type msgtype msg_type @type _type name verb
        request
        """
      case .channel:
        """
        room topic channels channelname channel_name channelid channel_id roomid room_id roomname room_name rooms topics
        group group_name subject destination stream queue chat conversation thread namespace ch
        """
      case .data: "message payload msg text content body value args arguments params messages"
      case .token: "jwt access_token accesstoken auth authorization bearer password apikey api_key key"
      case .to: "user userid user_id username recipient receiver target"
      case .event: "name signal kind eventname event_name action"
      case .method: "name action procedure function fn call rpc endpoint path event"
      case .id, .presence, .info, .echo, .only, .since, .key, .limit, .params, .jsonrpc: ""
      }
    return names.split(whereSeparator: \.isWhitespace)
  }
}
