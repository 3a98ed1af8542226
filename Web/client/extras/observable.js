/**
 * The last messages of a channel as a store: `subscribe(listener)` and `getSnapshot()`, as React's `useSyncExternalStore`
 * wants them; called with a value, the listener does for Svelte, too.
 *
 * The channel is subscribed while somebody listens. A turn after the last listener it is left, and the store is as new:
 * what comes meanwhile is missed, and `last` brings the rest again. A component that is mounted anew in one turn finds it
 * as it was.
 *
 * A snapshot is a new array after each message. Offsets rise in it: a history that begins anew takes the place of the old
 * one.
 */
export function observable(channel, { keep = 100, ...options } = {}) {
  const listeners = new Set()
  let messages = []
  let off
  return {
    subscribe(listener) {
      listeners.add(listener)
      if (!off) {
        off = channel.on('message', (message) => {
          messages = [...messages.filter(({ offset }) => !(offset >= message.offset)), message].slice(-keep)
          for (const each of [...listeners]) each(messages)
        })
        channel.subscribe({ last: keep, ...options })
      }
      listener(messages)
      return () => {
        listeners.delete(listener)
        setTimeout(() => {
          if (listeners.size || !off) return
          off = off()
          messages = []
          channel.unsubscribe()
        })
      }
    },
    getSnapshot: () => messages,
  }
}
