/// A connection that is not for the WebSocket's path, given away unread, with the place that it keeps until it is closed.
package final class HandedOver: Sendable {
  /// Non-blocking; whoever gets this closes it, and frees this after that.
  package let fd: Int32
  private let place: Place

  init(fd: Int32, place: consuming Place) {
    self.fd = fd
    self.place = place
  }

  /// Whether there is room for one request alone.
  package var isBeyondRoom: Bool { place.isBeyond }
}
