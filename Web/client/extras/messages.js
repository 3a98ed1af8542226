/** Messages that may wait in a loop over them. */
const MOST_WAITING = 1000

/**
 * Subscribes the handle, yields its messages, and leaves with the loop; `too_slow` when too many wait.
 * @param {any} ApusError of `apus.js`, since there it is another class than in this file
 */
export async function* messages(client, name, options, ApusError) {
  const channel = client.channel(name)
  const signal = options?.signal
  /** Takes the handlers away: a subscription may outlast the loop. */
  const life = new AbortController()
  const waiting = []
  let wake
  /** @type {any} */
  let end
  channel.on('message', (message) => waiting.push(message) && wake?.(), life)
  const finish = (why) => {
    end = why
    wake?.()
  }
  channel.on('ended', finish, life)
  client.on('state', ({ state, error = new ApusError('closed', 'Closed.') }) => {
    if (state === 'offline') finish({ error })
  }, life)
  signal?.addEventListener('abort', () => wake?.(), life)
  try {
    await channel.subscribe(options)
    while (true) {
      if (signal?.aborted) throw signal.reason
      if (waiting.length > MOST_WAITING) throw new ApusError('too_slow', `${MOST_WAITING} messages wait to be taken.`)
      if (waiting.length) yield waiting.shift()
      else if (end?.error) throw end.error
      else if (end) return
      else await new Promise((resolve) => (wake = resolve))
    }
  } finally {
    life.abort()
    channel.unsubscribe()
  }
}
