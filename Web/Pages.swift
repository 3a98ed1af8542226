/// The pages that a node shows in development, embedded into the executable.
package enum Pages {
  /// A chat in one file.
  package static var chat: String { String(decoding: PackageResources.chat_html, as: UTF8.self) }
}
