/** Messages that may wait in a loop over them. */
const MOST_WAITING = 1000

/**
 * Subscribes the handle, yields its messages, and leaves with the loop; `too_slow` when too many wait.
 * @param {any} ApusError of `apus.js`, since there it is another class than in this file
 */
export async function* messages(channel, options, ApusError) {
  const waiting = []
  let wake
  /** @type {any} */
  let end
  channel.on('message', (message) => waiting.push(message) && wake?.())
  channel.on('ended', (why) => (end = why) && wake?.())
  try {
    await channel.subscribe(options)
    while (true) {
      if (waiting.length > MOST_WAITING) throw new ApusError('too_slow', `${MOST_WAITING} messages wait to be taken.`)
      if (waiting.length) yield waiting.shift()
      else if (end?.error) throw end.error
      else if (end) return
      else await new Promise((resolve) => (wake = resolve))
    }
  } finally {
    channel.unsubscribe()
  }
}
