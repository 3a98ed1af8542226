/**
 * Reads the messages of a history that stand directly before an offset, as many as `amount`: an answer holds the oldest
 * of what it was asked for, and may end before the last.
 *
 * @param {(query: { since: string, limit: number }) => Promise<any>} read asks for a part
 * @param {{ epoch: string, before: number, amount: number }} where
 * @returns {Promise<object[] | null>} oldest first; fewer where they are not kept any more; null where the history is
 *   another one now
 */
export async function readOlder(read, { epoch, before, amount }) {
  const messages = []
  let last = Math.max(0, before - 1 - amount)
  while (last < before - 1) {
    const answer = await read({ since: `${epoch}:${last}`, limit: before - 1 - last })
    if (answer.reset) return null
    // Where older ones are not kept any more, the answer has those that follow.
    const older = answer.messages.filter(({ offset }) => offset > last && offset < before)
    if (older.length === 0) break
    messages.push(...older)
    last = older.at(-1).offset
  }
  return messages
}
