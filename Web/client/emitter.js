/** Tells of an error in a handler without ending whoever has called it. */
const report = (error) => (globalThis.reportError ?? console.error)(error)

/** Handlers by event. They run in the order of their attaching; one that throws is reported, and the others run. */
export function createEmitter() {
  const entries = new Set()
  return {
    /**
     * Attaches a handler, which runs while `isWanted`; returns what takes it away again.
     * @param {string} event
     * @param {(value: any) => void} handler
     * @param {import('../apus').Attach} options
     */
    on(event, handler, { once, signal } = {}, isWanted = () => true) {
      const off = () => {
        entries.delete(entry)
        signal?.removeEventListener('abort', off)
      }
      const run = (value) => {
        if (once) off()
        handler(value)
      }
      const entry = { event, run, isWanted }
      if (!signal?.aborted) entries.add(entry)
      signal?.addEventListener('abort', off)
      return off
    },

    emit(event, value) {
      for (const entry of [...entries]) {
        // One that ran before may have taken it away.
        if (entry.event !== event || !entries.has(entry) || !entry.isWanted()) continue
        try {
          entry.run(value)
        } catch (error) {
          report(error)
        }
      }
    },
  }
}
