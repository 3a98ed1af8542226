/** A page whose life a test plays: `tell('online')`, `hide()`, `show()`. */
export class Page {
  listeners = 0
  #window = new EventTarget()
  #document = new EventTarget()

  constructor() {
    this.#document.visibilityState = 'visible'
    this.#document.baseURI = 'https://chat.example/rooms/'
    globalThis.document = this.#document
    for (const target of [this.#window, this.#document]) this.#count(target)
    globalThis.addEventListener = this.#window.addEventListener
  }

  /** Counts the listeners that are on the page now. */
  #count(target) {
    const add = EventTarget.prototype.addEventListener
    target.addEventListener = (event, handler, options) => {
      this.listeners++
      options.signal.addEventListener('abort', () => this.listeners--)
      add.call(target, event, handler, options)
    }
  }

  tell(name, properties = {}) {
    this.#window.dispatchEvent(Object.assign(new Event(name), properties))
  }

  hide() {
    this.#see('hidden')
  }

  show() {
    this.#see('visible')
  }

  #see(state) {
    this.#document.visibilityState = state
    this.#document.dispatchEvent(new Event('visibilitychange'))
  }
}
