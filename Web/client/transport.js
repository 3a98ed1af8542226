import { loadExtras } from './extras.js'

/** WebSockets are given up after so many failed attempts, or so many milliseconds, without ever an open one. */
const ATTEMPTS = 2
const PATIENCE = 5_000
const MEMORY = 'apus-transport'

/** What a tab remembers; storage may be forbidden, or missing. */
function remember(work) {
  try {
    return work(sessionStorage)
  } catch {}
}

/**
 * What connections are dialled with: WebSockets, and HTTP where none has ever got through.
 *
 * `better` is called when a WebSocket has got through meanwhile: the next attempt will have one.
 */
export const createTransport = ({ WebSocket = globalThis.WebSocket, fallback = true }, better) => {
  let failures = remember((storage) => storage[MEMORY]) ? ATTEMPTS : 0
  let since

  return {
    /** Milliseconds until an attempt is given up, where that is less than usual. */
    _patience: () => fallback && PATIENCE,

    async _dial(url, protocols) {
      since ??= Date.now()
      if (!fallback || (failures < ATTEMPTS && Date.now() - since < PATIENCE)) return new WebSocket(url, protocols)
      const { dialHTTP } = await loadExtras()
      return dialHTTP(url, protocols, WebSocket, () => {
        fallback = false
        better()
      })
    },

    /** One stands; `kind` is that of HTTP. */
    _opened({ kind }) {
      fallback = !!kind
      remember((storage) => (kind ? (storage[MEMORY] = kind) : delete storage[MEMORY]))
      // At the next reconnect a WebSocket has one attempt.
      failures = ATTEMPTS - 1
      since = undefined
    },

    _failed() {
      failures++
    },
  }
}
