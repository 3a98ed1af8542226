/** Handlers by event. They run in the order of their attaching; one that throws is reported, and the others run. */
export const createEmitter = () => {
  const entries = new Set()
  return {
    /**
     * Attaches a handler, which runs while `isWanted`; returns what takes it away again.
     * @param {string} event
     * @param {(value: any) => void} handler
     * @param {import('../apus').Attach} options
     */
    _on(event, handler, { once, signal } = {}, isWanted = () => true) {
      const off = () => {
        entries.delete(run)
        signal?.removeEventListener('abort', off)
      }
      const run = (name, value) => {
        // One that ran before may have taken it away.
        if (name !== event || !entries.has(run) || !isWanted()) return
        if (once) off()
        try {
          handler(value)
        } catch (error) {
          // It must not end whoever tells.
          (globalThis.reportError ?? console.error)(error)
        }
      }
      if (!signal?.aborted) entries.add(run)
      signal?.addEventListener('abort', off)
      return off
    },

    _emit(event, value) {
      for (const run of [...entries]) run(event, value)
    },
  }
}
