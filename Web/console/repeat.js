/**
 * Does a task now, and again `interval` milliseconds after it has ended, until the signal aborts. Not while the page is
 * hidden: then once when it is seen again.
 *
 * @param {() => Promise<void>} task keeps its errors to itself
 * @param {number} interval
 * @param {AbortSignal} signal
 * @returns {() => void} does it at once
 */
export function repeat(task, interval, signal) {
  let timer
  let isRunning = false
  let isDue = false

  const schedule = () => {
    clearTimeout(timer)
    if (!signal.aborted && !document.hidden) timer = setTimeout(run, isDue ? 0 : interval)
    isDue = false
  }

  const run = async () => {
    // Asked for while it is under way: its answer would be of before.
    if (isRunning) return void (isDue = true)
    if (signal.aborted) return
    clearTimeout(timer)
    isRunning = true
    await task()
    isRunning = false
    schedule()
  }

  const visibilityChanged = () => document.hidden ? clearTimeout(timer) : run()
  document.addEventListener('visibilitychange', visibilityChanged, { signal })
  signal.addEventListener('abort', () => clearTimeout(timer))
  if (!document.hidden) run()
  return run
}

/** Waits; ends early, without an error, when the signal aborts. */
export function pause(milliseconds, signal) {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    }, { once: true })
  })
}
