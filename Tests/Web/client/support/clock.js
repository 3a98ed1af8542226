/** A clock that stands still until it is told to go on; it takes the place of the timers and of `Date.now`. */
export class Clock {
  now = 1_730_000_000_000
  #timers = new Map()
  #lastId = 0

  constructor() {
    const add = (work, delay = 0, interval) => {
      const id = ++this.#lastId
      this.#timers.set(id, { due: this.now + Math.max(0, delay), work, interval })
      return id
    }
    globalThis.setTimeout = (work, delay) => add(work, delay)
    globalThis.setInterval = (work, delay) => add(work, delay, delay)
    globalThis.clearTimeout = globalThis.clearInterval = (id) => this.#timers.delete(id)
    Date.now = () => this.now
  }

  get timers() {
    return this.#timers.size
  }

  /** Lets so many milliseconds pass; each timer runs at its time, and what it has started gets its turn. */
  async pass(milliseconds = 0) {
    const end = this.now + milliseconds
    await settle()
    while (this.#next && this.#next[1].due <= end) {
      this.now = Math.max(this.now, this.#next[1].due)
      await this.#run(this.#next)
    }
    this.now = end
  }

  /** The machine sleeps: time has passed, and no timer has run. They do at the next `pass`, late. */
  sleep(milliseconds) {
    this.now += milliseconds
  }

  get #next() {
    return [...this.#timers].reduce((first, timer) => (first && first[1].due <= timer[1].due ? first : timer), undefined)
  }

  async #run([id, timer]) {
    if (timer.interval === undefined) this.#timers.delete(id)
    else timer.due = this.now + timer.interval
    timer.work()
    await settle()
  }
}

const { setImmediate } = globalThis

/** Everything that needs no time has happened. */
export const settle = () => new Promise((resolve) => setImmediate(resolve))
