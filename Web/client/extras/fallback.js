import { HttpTransport } from './http_transport.js'

/** How often a WebSocket is tried again meanwhile. */
const AGAIN = 300_000

/**
 * A socket over HTTP. `better` is called, once, when a WebSocket (of that `type`) has got through meanwhile.
 */
export function dialHTTP(url, protocols, type, better) {
  const transport = new HttpTransport(url, protocols)
  /** @type {any} */
  const probing = setInterval(() => {
    if (transport.isClosed) return clearInterval(probing)
    const socket = new type(url, protocols)
    socket.onerror = () => {}
    socket.onopen = () => {
      socket.close(1000)
      clearInterval(probing)
      transport._tellMissed()
      // A handler may have closed it.
      if (!transport.isClosed) better()
    }
  }, AGAIN)
  probing.unref?.()
  return transport
}
