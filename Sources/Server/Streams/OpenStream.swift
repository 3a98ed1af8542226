import Model

/// What a loop keeps of a stream besides its connection.
struct OpenStream {
  /// The place of its connection, until its descriptor is closed; nil for a poll, which has none.
  let place: HandedOver?
  /// Where the client stands in each channel, in the order of its request; nil where every event is told without.
  var positions: StreamPositions?
}

/// Where a stream's client stands, as an `EventSource` gives it back: for each channel of the request `<epoch>:<offset>`, or
/// `-` where nothing is kept or known, with commas between them.
package struct StreamPositions: Sendable {
  private let channels: [(name: ChannelName, isTold: Bool)]
  private var positions: [StreamPosition?]

  package init(_ channels: [StreamOpening.Channel]) {
    self.channels = channels.map { ($0.name, $0.tellsPosition) }
    positions = channels.map { if case .position(let position) = $0.since { position } else { nil } }
  }

  /// Where it stands when it has been told of everything up to that position of a channel.
  package func moved(_ channel: ChannelName, to position: StreamPosition) -> StreamPositions {
    var moved = self
    if let index = channels.firstIndex(where: { $0.name == channel && $0.isTold }) { moved.positions[index] = position }
    return moved
  }

  /// The channels in the order of the request, each with where the client stands, where that is told.
  package var all: [(channel: ChannelName, position: StreamPosition?)] {
    zip(channels, positions).map { ($0.name, $1) }
  }

  package var text: String {
    positions.map { $0.map { "\($0.epoch):\($0.offset)" } ?? "-" }.joined(separator: ",")
  }
}
