import { withBytes } from './binary.js'
import { ApusError } from './errors.js'
import { loadExtras } from './extras.js'
import { asSince } from './subscription.js'

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
    return this.#subscription.state(this)
  }

  get position() {
    return this.#subscription.position()
  }

  get members() {
    return this.#subscription.members.map()
  }

  get count() {
    return this.#subscription.members.count()
  }

  on(event, handler, options) {
    if (event === 'typing') this.#subscription.loadTyping()
    return this.#subscription.events.on(event, handler, options, () => this.#subscription.isFor(this))
  }

  subscribe(options) {
    this.#client.connect()
    return this.#subscription.add(this, { timeout: this.#client.timeout, ...options })
  }

  unsubscribe() {
    this.#subscription.remove(this)
    return Promise.resolve()
  }

  publish(data, options) {
    this.#subscription.typing().stop()
    return this.#client.publish(this.name, data, options)
  }

  publishBytes(bytes) {
    return this.#client.publishBytes(this.name, bytes)
  }

  signal(event, data) {
    return this.#client.signal(this.name, event, data)
  }

  typing() {
    this.#subscription.loadTyping().then((typing) => typing.typed())
  }

  /** @param {any} options */
  async history({ limit, since, ...wait } = {}) {
    const { epoch, offset, reset = false, messages } = await this.#ask('history', { limit, since: asSince(since) }, wait)
    return { epoch, offset, reset, messages: messages.map(withBytes) }
  }

  /** @param {any} options */
  async presence({ only, ...wait } = {}) {
    const { type, id, channel, ...answer } = await this.#ask('presence', { only }, wait)
    return answer
  }

  #ask(type, members, wait) {
    return this.#client.ask({ type, channel: this.name, ...members }, wait)
  }

  async *messages(options) {
    const { messages } = await loadExtras()
    const tooSlow = (text) => new ApusError('too_slow', text)
    yield* messages(this.#client.channel(this.name), options, tooSlow)
  }
}
