import Cluster
import Hub
import Model
import TestSupport

/// Something the hub did that it must not do.
struct Violation: Error, CustomStringConvertible {
  let description: String
}

/// A hub between made-up clients and a made-up broker, and a simple model of what they may expect.
///
/// The model knows nothing of how the hub works. Of each connection and channel it keeps the commands that have not
/// taken effect yet, in order, how the client was last told to take part, and the events that must still come.
/// `+Driver` is what can happen, `+History` the channels that keep history. `+Laws` checks every action of the hub:
///
/// 1. Every command is answered once, in its turn: commands of one connection on one channel in the order they came.
/// 2. The broker is asked only for what somebody wants, and told of each end once.
/// 3. An event reaches exactly those who are in the channel in that way, or comes right after the answer to the subscribe
///    that it came during, in order.
/// 4. A client of a channel that keeps history hears each message once and in order, or is told of a gap.
/// 5. Who listened before a subscribe that fails, listens after it, and has missed nothing.
/// 6. Nothing is said to a connection that has gone, and nothing of it stays.
/// 7. What the hub counts is what there is (`Hub.check`).
/// 8. Where the server has put a connection it stays, whatever the rules, until the client leaves or the server takes it out.
///    A put that cannot be done, or fails, is silent, and all is as before.
struct HubSimulation {
  enum Command {
    case subscribe(PresenceMode)
    case unsubscribe
    case publish(echo: Bool)
    case presence
    /// The server's, and none of a client: it has no id. A put has begun where it is known how the client will take part.
    case put(PresenceMode, hasBegun: Bool)
    case take
  }

  struct Key: Hashable {
    let slot: UInt32
    let channel: ChannelName
  }

  /// A connection and a channel.
  struct Place {
    /// Commands that have not taken effect, oldest first.
    var commands: [(id: Int, command: Command)] = []
    /// How the client was last told that it takes part; nil when it is not subscribed.
    var mode: PresenceMode?
    /// Whether the broker was asked for the roster.
    var isEntering = false
    /// Whether the broker was asked for the history.
    var isReading = false
    /// Numbers of the events that are held and have no place, and for whom.
    var backlog: [(event: Int, audience: Audience)] = []
    /// The last of its own comings and goings that was held: who is answered with a roster has all before that in it.
    var lastOwn = 0
    /// Bytes of all that is held.
    var heldBytes = 0
    /// Where the client stands, in a channel that keeps history.
    var position: StreamPosition?
    /// Where it stood when it was told to stand somewhere else, for which it must be told of a gap.
    var mustBeTold: StreamPosition?
    /// Whether the history had all that it asked for, and nothing stood in the way.
    var mustRecover = false
    /// Whether the server has put the connection there.
    var isByServer = false
    /// The number of the subscribe, where the broker was asked for the roster or the history.
    var attempt: UInt64 = 0
    /// Bytes of what is held since the roster was asked for.
    var enteredBytes = 0

    var isPending: Bool { !commands.isEmpty }
    var isHolding: Bool { isReading || isEntering }
    /// Whether more is held for it than there is room for.
    var isOverrun: Bool { heldBytes > HubSimulation.capacity }
    /// Whether it can do without none of what there is no room for: who comes can do without what was before its roster.
    var mustFail: Bool { (mode == nil ? enteredBytes : heldBytes) > HubSimulation.capacity }
    /// Whether a put is under way.
    var isBeingPut: Bool { if case .put(_, hasBegun: true)? = commands.first?.command { true } else { false } }

    /// The subscribe is over.
    mutating func endHolding() {
      isReading = false
      isEntering = false
      heldBytes = 0
      enteredBytes = 0
      attempt = 0
      lastOwn = 0
      mustRecover = false
    }
  }

  static let maxChannels = 4
  static let maxRecovery = 400
  /// Bytes that are held for a subscribe.
  static let capacity = 1 << 20

  var hub = Hub(
    limits: Hub.Limits(
      maxChannels: Self.maxChannels, rate: RateLimit(rate: 0, burst: 0), maxRecovery: Self.maxRecovery),
    access: Hub.Authorization(rules: HubSimulation.rules([]), requiresIdentity: false), users: NoUsers())
  var spare: [HubAction] = []
  var link = LinkState.up
  /// The channel that the rules forbid, and the one without presence.
  var forbidden: ChannelName?
  var quiet: ChannelName?
  /// By slot: the generation of the connection that is open.
  var open: [UInt32: UInt32] = [:]
  var generations: [UInt32: UInt32] = [:]
  var places: [Key: Place] = [:]
  /// Channels that the broker was asked for, and those of them that it has confirmed.
  var wanted: Set<ChannelName> = []
  var confirmed: Set<ChannelName> = []
  /// Questions for a roster that the broker has not answered.
  var questions: [(session: SessionID, channel: ChannelName, entry: UInt64)] = []
  var readings: [Reading] = []
  var streams = Dictionary(uniqueKeysWithValues: HubSimulation.kept.map { ($0, Stream()) })
  /// From where on subscribes want what was missed, by number.
  var sinces: [Int: StreamPosition] = [:]
  /// Who is a member, by what the broker was told.
  var members: Set<Key> = []
  /// New subscribers that were answered now and for which there was not room for all that was held.
  var overrun: Set<Key> = []
  /// Who said who they are.
  var names: [SessionID: String] = [:]
  var requests = 0
  var settled = 0
  var events = 0
  /// How many commands took effect and how many events arrived: so that a test can see that it tested something.
  var effects = 0
  var arrivals = 0
  var recovered = 0
  var overruns = 0
  /// How many connections the server has put somewhere, how many of those puts failed, and how many it has taken out.
  var puts = 0
  var failedPuts = 0
  var takes = 0

  func session(_ slot: UInt32) -> SessionID {
    SessionID(slot: slot, generation: open[slot] ?? 0)
  }

  /// Client ids name slot and generation.
  func client(_ slot: UInt32) -> ClientID {
    ClientID("c-\(slot)-\(open[slot] ?? 0)")
  }

  func check(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw Violation(description: what()) }
  }
}
