import Model

/// The seam between a node and the rest of the cluster; lives on the relay loop.
///
/// Loops and the control plane ask questions, loops report what they do, and each hears events. Between the events of one
/// channel there is one order, the same on every loop and, through Redis, on every node.
package protocol Broker: AnyObject {
  /// Begins; loops hear `link(.up)` when everything can be asked.
  func start()
  /// Answers a question, by the outlet, now or later. Each is answered once, but one that its node does not live to see
  /// answered, and one that went well of a caller that wants no receipt.
  func ask(_ question: Question, by caller: Caller)
  /// Takes in what a loop tells.
  func take(_ report: LoopReport, from loop: LoopIndex)
  /// The node goes away soon: the cluster may know.
  func beginDraining()
  /// Calls `done` when no member of this node is left, now that its connections have gone, or when the grace of the last
  /// is over.
  func waitForGraces(then done: @escaping () -> Void)
  /// Ends every membership of this node and gives back whatever it holds in the cluster, then calls `done`.
  func stop(then done: @escaping () -> Void)
  /// How the broker stands, for `/readyz` and the metrics.
  var status: BrokerStatus { get }
}

/// Where a broker's events and answers go; the relay puts them into the loops' mailboxes.
package protocol BrokerOutlet: AnyObject {
  func post(_ event: BrokerEvent, to loop: LoopIndex)
  func postToAll(_ event: BrokerEvent)
  /// The answer to a question of the control plane.
  func answer(_ result: Result<Answer, Refusal>, toControl number: UInt64)
  /// Asks the control plane of this node what a survey asks; `answer` is called once, on the relay loop, with nothing where
  /// it cannot tell.
  func survey(_ question: [UInt8], then answer: @escaping ([UInt8]) -> Void)
  /// How many loops there are.
  var loopCount: Int { get }
  /// Whether a loop is so far behind that nothing more should be taken in for now.
  var isCongested: Bool { get }
}

extension BrokerOutlet {
  /// Answers somebody.
  package func answer(_ result: Result<Answer, Refusal>, to caller: Caller) {
    switch caller {
    case .connection(let asker, on: let loop): post(.answer(asker, result), to: loop)
    case .control(let number): answer(result, toControl: number)
    }
  }

  /// Answers all who have asked the same, those of one loop together.
  package func answer(_ result: Result<Answer, Refusal>, to callers: [Caller]) {
    var askers: [LoopIndex: [Asker]] = [:]
    for caller in callers {
      switch caller {
      case .connection(let asker, on: let loop): askers[loop, default: []].append(asker)
      case .control(let number): answer(result, toControl: number)
      }
    }
    for (loop, askers) in askers { post(.answers(askers, result), to: loop) }
  }
}
