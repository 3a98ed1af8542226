import JSON

/// Lends the UTF-8 of `text`.
package func withBytes<Result>(of text: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
  Array(text.utf8).withUnsafeBytes(body)
}

package func isValidJSON(_ text: String) -> Bool {
  withBytes(of: text, JSONScanner.validate)
}
