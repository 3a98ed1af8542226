/**
 * The last messages of a channel as a store: `subscribe(listener)` and `getSnapshot()`, as React's `useSyncExternalStore`
 * wants them; called with a value, the listener does for Svelte, too.
 *
 * The channel is subscribed while somebody listens. A snapshot is a new array after each message.
 */
export function observable(channel, { keep = 100, ...options } = {}) {
  const listeners = new Set()
  let messages = []
  let off
  return {
    subscribe(listener) {
      listeners.add(listener)
      if (listeners.size === 1) {
        off = channel.on('message', (message) => {
          messages = [...messages, message].slice(-keep)
          for (const each of [...listeners]) each(messages)
        })
        channel.subscribe({ last: keep, ...options })
      }
      listener(messages)
      return () => {
        if (!listeners.delete(listener) || listeners.size) return
        off()
        channel.unsubscribe()
      }
    },
    getSnapshot: () => messages,
  }
}
