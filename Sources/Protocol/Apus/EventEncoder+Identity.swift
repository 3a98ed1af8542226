import JSON
import Model

extension EventEncoder {
  /// The reply to `auth`. `expires` in seconds since 1970; left out for what has no end.
  package static func authenticated(
    id: RequestID?, user: UserName, expires: Int64?, warning: String? = nil
  ) -> Frame {
    frame { writer in
      writer.append(literal: #"{"type":"authenticated""#)
      appendID(id, to: &writer)
      writer.append(literal: #","user":"#)
      writer.append(quoting: user.string)
      if let expires {
        writer.append(literal: #","expires":"#)
        writer.append(Int(expires))
      }
      appendWarning(warning, to: &writer)
    }
  }

  /// Tells that the connection's token ends. `milliseconds` are what is left of it.
  package static func expiring(in milliseconds: Int64) -> Frame {
    frame { writer in
      writer.append(literal: #"{"type":"expiring","in":"#)
      writer.append(Int(milliseconds))
    }
  }
}
