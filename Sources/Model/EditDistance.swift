/// How far two words are apart, to guess what a misspelt one was meant to be.
package enum EditDistance {
  /// The word of `known` that is nearest; empty when there is none.
  package static func nearest(to word: String, in known: [String]) -> String {
    // Longer than any known word by far: not worth the time.
    guard word.utf8.count <= 100 else { return known.first ?? "" }
    return known.min { between(word, $0) < between(word, $1) } ?? ""
  }

  /// Letters to insert, remove or replace (Levenshtein).
  package static func between(_ first: String, _ second: String) -> Int {
    let second = Array(second)
    var row = Array(0...second.count)
    for (line, letter) in first.enumerated() {
      var diagonal = row[0]
      row[0] = line + 1
      for (index, other) in second.enumerated() {
        let replaced = diagonal + (letter == other ? 0 : 1)
        diagonal = row[index + 1]
        row[index + 1] = min(replaced, row[index] + 1, row[index + 1] + 1)
      }
    }
    return row[second.count]
  }
}
