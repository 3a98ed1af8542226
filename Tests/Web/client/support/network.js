import { settle } from './clock.js'

/** The requests of a page; a test plays what answers them. */
export class Network {
  requests = []

  constructor() {
    globalThis.fetch = (url, { headers, body, signal }) =>
      new Promise((resolve, reject) => {
        const text = typeof body === 'string' ? JSON.parse(body) : body
        const request = { path: new URL(url).pathname, url: String(url), headers, body: text, signal, resolve, isOpen: true }
        request.fail = (reason) => ((request.isOpen = false), reject(reason))
        signal?.addEventListener('abort', () => request.fail(signal.reason))
        this.requests.push(request)
      })
  }

  /** The newest request to a path. */
  last(path) {
    return this.requests.findLast((request) => request.path === path)
  }

  async answer(request, value, status = 200) {
    request.isOpen = false
    request.resolve(new Response(typeof value === 'string' ? value : JSON.stringify(value), { status }))
    await settle()
    await settle()
  }

  /** Answers what a client asks first. */
  async greet(user = 'alice') {
    const whoami = { type: 'response', result: { clientId: 'h-1', node: 'web-1.aaaaaa', user } }
    await this.answer(this.last('/commands'), [whoami, { type: 'response', result: { maxMessageSize: 65_536 } }])
  }

  /** Opens a stream; what it returns says events on it. */
  async stream(request) {
    let controller
    const body = new ReadableStream({ start: (own) => (controller = own) })
    request.resolve(new Response(body, { status: 200 }))
    const encoder = new TextEncoder()
    await settle()
    return {
      async say(...events) {
        for (const event of events) controller.enqueue(encoder.encode(`data: ${JSON.stringify(event)}\n\n`))
        for (let turn = 0; turn < 4; turn++) await settle()
      },
      async end() {
        controller.close()
        for (let turn = 0; turn < 4; turn++) await settle()
      },
    }
  }
}

/** Locks that all tabs of a browser share. */
export class Locks {
  #held = new Set()

  request(name, { ifAvailable }, work) {
    if (this.#held.has(name)) return Promise.resolve(work(null))
    this.#held.add(name)
    return Promise.resolve(work({ name })).finally(() => this.#held.delete(name))
  }
}
