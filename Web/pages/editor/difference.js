/**
 * What has to be replaced to make one text of another. Where several answers would do ("aa" becomes "aaa"), the one
 * that ends at the caret, since that is where somebody has typed.
 * @param {string} before @param {string} after @param {number} [caret] in `after`
 */
export function difference(before, after, caret = after.length) {
  const shorter = Math.min(before.length, after.length)
  let tail = 0
  const longestTail = Math.min(shorter, after.length - caret)
  while (tail < longestTail && before.at(-1 - tail) === after.at(-1 - tail)) tail++
  let head = 0
  while (head < shorter - tail && before[head] === after[head]) head++
  // The caret may stand anywhere when a program has changed the text.
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++
  if (isSplit(before, head) || isSplit(after, head)) head--
  if (isSplit(before, before.length - tail) || isSplit(after, after.length - tail)) tail--
  return { at: head, removed: before.length - tail - head, inserted: after.slice(head, after.length - tail) }
}

/** Whether a position is amid a letter of two UTF-16 units. */
function isSplit(text, position) {
  return /[\uD800-\uDBFF]/.test(text[position - 1] ?? '') && /[\uDC00-\uDFFF]/.test(text[position] ?? '')
}
