const EVENT = 'typing'
/** A typist is shown until so long after the last signal; signals come more often. */
const FORGOTTEN = 4_000
const REPEATED = 1_500
/** Who has not typed for so long has stopped. */
const STOPPED = 2_000

/** Who types in a channel: tells the others of one's own typing, and `changed(typists)` of theirs. */
export const createTyping = (signal, changed) => {
  const typists = new Map()
  let told = 0
  let stopping

  function forget(isGone) {
    for (const [key, typist] of typists) {
      if (!isGone(typist)) continue
      clearTimeout(typist._timer)
      typists.delete(key)
      tell()
    }
  }

  const tell = () => changed([...typists.values()].map(({ user, client }) => ({ user, client })))

  function stop() {
    clearTimeout(stopping)
    if (told) signal(EVENT, false)
    told = 0
  }

  return {
    /** A key was pressed. */
    _typed() {
      clearTimeout(stopping)
      stopping = setTimeout(stop, STOPPED)
      if (Date.now() - told < REPEATED) return
      told = Date.now()
      signal(EVENT, true)
    },

    /** What was typed is sent, or given up. */
    _stop: stop,

    /** Looks at what comes in the channel. */
    _received({ type, event, data, from, client, user }) {
      if (type === 'signal' && event === EVENT && data) {
        const isNew = !typists.has(client)
        clearTimeout(typists.get(client)?._timer)
        const timer = setTimeout(() => forget((typist) => typist.client === client), FORGOTTEN)
        typists.set(client, { user: from, client, _timer: timer })
        if (isNew) tell()
      } else if (type === 'leave') forget((typist) => (user ? typist.user === user : typist.client === client))
      else if (type === 'message' || event === EVENT) forget((typist) => typist.client === client)
    },

    _forgetTypists: () => forget(() => true),
  }
}
