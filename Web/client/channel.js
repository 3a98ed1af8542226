import { ApusError } from './errors.js'
import { loadExtras } from './extras.js'

/** A handle of a channel. All handles of a name share one subscription. */
export class Channel {
  #client
  #subscription

  /** Made by `Apus.channel`. */
  constructor(name, client, subscription) {
    this.name = name
    this.#client = client
    this.#subscription = subscription
  }

  get state() {
    return this.#subscription._state(this)
  }

  get position() {
    return this.#subscription._position()
  }

  get members() {
    return this.#subscription._people()?._map() ?? null
  }

  get count() {
    return this.#subscription._people()?._count() ?? null
  }

  on(event, handler, options) {
    if (event === 'typing') this.#subscription._watchTyping()
    return this.#subscription._events._on(event, handler, options, () => this.#subscription._isFor(this))
  }

  subscribe(options) {
    this.#client.connect()
    return this.#subscription._add(this, { timeout: this.#client._timeout, ...options })
  }

  /** What is asked for behind it comes after it. */
  async unsubscribe() {
    await this.#subscription._remove(this)
  }

  publish(data, options) {
    this.#subscription._people()?._stop()
    return this.#client.publish(this.name, data, options)
  }

  publishBytes(bytes) {
    return this.#client.publishBytes(this.name, bytes)
  }

  signal(event, data) {
    return this.#client.signal(this.name, event, data)
  }

  typing() {
    this.#subscription._typed()
  }

  async history(options) {
    return (await loadExtras()).history(this.#client, this.name, options)
  }

  async presence(options) {
    return (await loadExtras()).presence(this.#client, this.name, options)
  }

  async *messages(options) {
    const { messages } = await loadExtras()
    yield* messages(this.#client, this.name, options, ApusError)
  }
}
