import Hub

/// What the hub wants done, on its way to being done: in order, also where doing it brings about more.
struct ActionBuffer {
  /// Whether somebody does it already, further up the stack.
  var isBusy = false
  /// Memory for the actions, used in turns.
  var spare: [HubAction] = []
}
