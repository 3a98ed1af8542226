/** Where tokens come from: `source` is a token, a function that gets one, or nothing. */
export function createTokens(source) {
  let asking, given
  const canRenew = typeof source === 'function'
  return {
    canRenew,
    /** A token or null. Who asks while it is being asked for gets the same. */
    ask(why) {
      if (!canRenew) return Promise.resolve(source ?? null)
      if (given) {
        const token = given
        given = undefined
        return Promise.resolve(token)
      }
      asking ??= new Promise((resolve) => resolve(source(why)))
        .then((token) => token ?? null)
        .finally(() => (asking = undefined))
      return asking
    },
    /** The next one who asks gets this one. */
    give(token) {
      given = token
    },
  }
}

/** Whom a token names, as it says itself; undefined where it cannot be read. */
export function subjectOf(token) {
  try {
    const text = atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/'))
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (letter) => letter.charCodeAt(0)))).sub
  } catch {}
}
