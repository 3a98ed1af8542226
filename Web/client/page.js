/** How often it is looked whether time has passed unseen, and how late that may be. */
const TICK = 5_000
const LATE = 10_000

/**
 * Tells when the page or the machine comes back to life: `woken()`, where the network has gone: `cut()`, and when the page
 * is left, from where it may come back as it was: `left()`. Returns what ends it; nothing is left on the page then.
 */
export function watchPage({ woken, cut, left }) {
  const { document } = globalThis
  const ending = new AbortController()
  const on = (target, event, handler) => target?.addEventListener?.(event, handler, { signal: ending.signal })
  on(globalThis, 'online', woken)
  on(globalThis, 'offline', cut)
  on(globalThis, 'pagehide', left)
  on(globalThis, 'pageshow', (event) => event.persisted && woken())
  on(document, 'resume', woken)
  on(document, 'visibilitychange', woken)
  let last = Date.now()
  const timer = setInterval(() => {
    if (Date.now() - last > TICK + LATE) woken()
    last = Date.now()
  }, TICK)
  // A program in Node may end before it.
  unref(timer)
  return () => {
    ending.abort()
    clearInterval(timer)
  }
}

/** @param {any} timer */
export const unref = (timer) => timer.unref?.()

export const isHidden = () => globalThis.document?.visibilityState === 'hidden'
