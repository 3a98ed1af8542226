/// What the executable was built with.
enum BuildInfo {
  /// The version of the compiler without its patch level, which code cannot ask for.
  static var swift: String {
    #if compiler(>=6.5)
      return "6.5 or newer"
    #elseif compiler(>=6.4)
      return "6.4"
    #elseif compiler(>=6.3)
      return "6.3"
    #else
      return "6.2"
    #endif
  }
}
