/**
 * Someone who waits: a promise with `resolve` and `reject`, which rejects by itself when its time is over (with what `late`
 * makes) or its signal aborts (with the signal's reason). `over` runs when it is settled, however that was.
 *
 * The promise itself is never an unhandled rejection; one derived from it is.
 * @param {import('../apus').Wait} options
 * @param {() => Error} late
 * @param {(waiter: any) => void} over
 */
export function wait({ timeout, signal }, late, over) {
  /** @type {any} */
  const waiter = {}
  waiter.promise = new Promise((resolve, reject) => {
    const end = (settle) => (value) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      over(waiter)
      settle(value)
    }
    const abort = () => waiter.reject(signal.reason)
    const timer = setTimeout(() => waiter.reject(late()), timeout)
    waiter.resolve = end(resolve)
    waiter.reject = end(reject)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
  })
  return quiet(waiter, waiter.promise)
}

/** `value`, and nobody has to catch the promise: what fails is told otherwise, too. */
export function quiet(value, promise = value) {
  promise.catch(() => {})
  return value
}
