/** Streams that all tabs may hold together: a browser opens six connections to a host by HTTP/1.1. */
const STREAMS = 3

/**
 * A place for a stream among those of all tabs: a function that gives it back, or null when there is none, or when nobody
 * knows. Over HTTP/2 a connection carries any number, and no place is needed.
 */
export async function takePlace(url) {
  /** @type {any[]} */
  const [entry] = performance.getEntriesByName?.(url).slice(-1) ?? []
  if (entry?.nextHopProtocol?.startsWith('h2') || entry?.nextHopProtocol === 'h3') return () => {}
  const locks = globalThis.navigator?.locks
  // Not a browser: nobody counts connections.
  if (!locks) return globalThis.document ? null : () => {}
  for (let number = 1; number <= STREAMS; number++) {
    const release = await new Promise((resolve) => {
      const held = (lock) => (lock ? new Promise((give) => resolve(() => give())) : resolve(null))
      locks.request(`apus-stream-${number}`, { ifAvailable: true }, held).catch(() => resolve(null))
    })
    if (release) return release
  }
  return null
}
