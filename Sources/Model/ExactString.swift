import Glibc

/// A string that equals another only when their UTF-8 bytes are the same.
///
/// Swift's `String` treats canonically equivalent texts (`é` composed and decomposed) as equal; Redis, which
/// compares bytes, does not. Everything that names a Redis key or field is therefore compared by its bytes.
package struct ExactString: Hashable, Sendable, CustomStringConvertible {
  package let value: String

  package init(_ value: String) {
    self.value = value
  }

  package var description: String { value }
  package var utf8: String.UTF8View { value.utf8 }

  package static func == (left: ExactString, right: ExactString) -> Bool {
    let (a, b) = (left.value.utf8, right.value.utf8)
    guard a.count == b.count else { return false }
    let fast = a.withContiguousStorageIfAvailable { a in
      b.withContiguousStorageIfAvailable { b in
        guard let a = a.baseAddress, let b = b.baseAddress else { return true }
        return memcmp(a, b, left.value.utf8.count) == 0
      }
    }
    if case .some(.some(let equal)) = fast { return equal }
    return a.elementsEqual(b)
  }

  package func hash(into hasher: inout Hasher) {
    let done: Void? = value.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    if done == nil {
      for byte in value.utf8 { hasher.combine(byte) }
    }
  }
}
