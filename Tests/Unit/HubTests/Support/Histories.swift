import Hub
import Model
import TestSupport

/// A desk whose channels all keep history.
func desk(sendsLast: Bool = false) -> Desk {
  var rule = ChannelRule.standard(.all, isOpen: true)
  rule.history = HistoryRule(size: 10, timeToLive: 1000)
  rule.sendsLast = sendsLast
  return Desk(rules: ChannelRules([rule]))
}

func at(_ offset: Int, _ epoch: String = "e1") -> StreamPosition {
  StreamPosition(epoch: epoch, offset: offset)
}

/// What a read finds; the seventh message is not for slot 0.
func read(_ latest: StreamPosition, _ offsets: [Int] = [], isComplete: Bool = true) -> HistoryRead {
  HistoryRead(
    latest: latest,
    entries: offsets.map {
      HistoryEntry(
        offset: $0, time: 0, text: EventText(text: "m\($0)"), isBinary: false, excluded: $0 == 7 ? ClientID("c-0") : nil
      )
    }, isComplete: isComplete)
}
