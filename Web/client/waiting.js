/**
 * Makes someone who waits of `waiter`: with `_resolve` and `_reject`, which is called by itself when the time is over (with what
 * `late` makes) or the signal aborts (with the signal's reason). Until then it stands in `waiters`, a Set or what is like one.
 *
 * The promise itself is never an unhandled rejection; one derived from it is.
 * @param {import('../apus').Wait} options
 * @param {() => Error} late
 * @param {{ add(waiter: any): void, delete(waiter: any): void }} waiters
 * @param {any} [waiter]
 */
export const wait = ({ timeout, signal }, late, waiters, waiter = {}) => {
  return quiet(new Promise((resolve, reject) => {
    const end = (settle) => (value) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      waiters.delete(waiter)
      settle(value)
    }
    const abort = () => waiter._reject(signal.reason)
    const timer = setTimeout(() => waiter._reject(late()), timeout)
    waiter._resolve = end(resolve)
    waiter._reject = end(reject)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
    else waiters.add(waiter)
  }))
}

/** The promise, which nobody has to catch: what fails is told otherwise, too. */
export function quiet(promise) {
  promise.catch(() => {})
  return promise
}
