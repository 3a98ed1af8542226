import Node

/// Calls the backend as a node would.
enum BackendCheck {
  static func run(_ url: BackendURL, secret: String?) async -> [Finding] {
    let signed = secret == nil ? "not signed: no --backend-secret" : "signed"
    let called = "handles the methods that the node does not know; calls are \(signed)"
    let complaint = await HTTPBackend.complaint(of: url, secret: secret)
    return [.ok(called), complaint.map(Finding.error) ?? .ok("answers as it should")]
  }
}
