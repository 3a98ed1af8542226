/** Reads Server-Sent Events (html.spec.whatwg.org/#event-stream-interpretation), however they are cut into pieces. */
export class EventStream {
  /** Milliseconds after which to come back, as the stream has said. */
  retry = 2_000
  #rest = ''
  #name = ''
  #data = []

  /** @returns {{ name: string, data: string }[]} the events that are whole now */
  push(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop()
    return lines.map(line => this.#take(line)).filter(event => event !== null)
  }

  #take(line) {
    if (line === '') return this.#dispatch()
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)
    if (field === 'event') this.#name = value
    if (field === 'data') this.#data.push(value)
    if (field === 'retry' && /^\d+$/.test(value)) this.retry = Number(value)
    return null
  }

  #dispatch() {
    const event = { name: this.#name || 'message', data: this.#data.join('\n') }
    const isEmpty = this.#data.length === 0
    this.#name = ''
    this.#data = []
    return isEmpty ? null : event
  }
}
