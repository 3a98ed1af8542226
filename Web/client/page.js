/** How often it is looked whether time has passed unseen, and how late that may be. */
const TICK = 5_000
const LATE = 10_000

/**
 * Tells when the page or the machine comes back to life: `woken()`, where the network has gone: `cut()`, and when the page
 * is left, from where it may come back as it was: `left()`. Returns what ends it; nothing is left on the page then.
 */
export const watchPage = (woken, cut, left) => {
  const ending = new AbortController()
  // Where there is no document, `globalThis` takes its place, and never tells of its events.
  /** @type {(event: string, handler: (event: any) => void, target?: EventTarget) => void} */
  const on = (event, handler, target = globalThis) => target.addEventListener?.(event, handler, { signal: ending.signal })
  on('online', woken)
  on('offline', cut)
  on('pagehide', left)
  on('pageshow', (event) => event.persisted && woken())
  on('resume', woken, globalThis.document)
  on('visibilitychange', woken, globalThis.document)
  let last = Date.now()
  /** @type {any} */
  const timer = setInterval(() => {
    if (Date.now() - last > TICK + LATE) woken()
    last = Date.now()
  }, TICK)
  // A program in Node may end before it.
  timer.unref?.()
  return () => {
    ending.abort()
    clearInterval(timer)
  }
}

export const isHidden = () => globalThis.document?.visibilityState === 'hidden'
