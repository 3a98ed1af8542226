import { unref } from './page.js'

/** WebSockets are given up after so many failed attempts, or so many milliseconds, without ever an open one. */
const ATTEMPTS = 2
const PATIENCE = 5_000
/** How often a WebSocket is tried again meanwhile. */
const AGAIN = 300_000
const MEMORY = 'apus-transport'

/** Storage may be forbidden. */
const remembered = (work) => {
  try {
    return work(globalThis.sessionStorage)
  } catch {}
}

/**
 * What connections are dialled with: WebSockets, and HTTP where none has ever got through.
 *
 * `better` is called when a WebSocket has got through meanwhile: the next attempt will have one.
 */
export function createTransport({ WebSocket, fallback = true }, better) {
  const type = () => WebSocket ?? globalThis.WebSocket
  let hasOpened = false
  let failures = remembered((storage) => storage?.[MEMORY]) ? ATTEMPTS : 0
  let since
  let probing

  function proved() {
    hasOpened = true
    remembered((storage) => storage?.removeItem(MEMORY))
  }

  function probe(url, protocols) {
    const socket = new (type())(url, protocols)
    socket.onerror = () => {}
    socket.onopen = () => {
      socket.close(1000)
      proved()
      better()
    }
  }

  return {
    /** Milliseconds an attempt of now may take. */
    patience: () => (!fallback || hasOpened ? undefined : PATIENCE),

    /** A socket, or a promise of one. */
    async dial(url, protocols) {
      since ??= Date.now()
      const isBlocked = fallback && !hasOpened && (failures >= ATTEMPTS || Date.now() - since >= PATIENCE)
      if (!isBlocked) return new (type())(url, protocols)
      const { HttpTransport } = await import('./apus-extras.js')
      return Object.assign(new HttpTransport(url, protocols), { url, protocols })
    },

    opened({ kind, url, protocols }) {
      if (!kind) return proved()
      remembered((storage) => (storage[MEMORY] = kind))
      // At the next reconnect a WebSocket has one attempt.
      failures = ATTEMPTS - 1
      since = undefined
      probing = setInterval(() => probe(url, protocols), AGAIN)
      unref(probing)
    },

    failed() {
      failures++
    },

    /** The connection is gone, or is not wanted any more. */
    ended() {
      clearInterval(probing)
    },
  }
}
