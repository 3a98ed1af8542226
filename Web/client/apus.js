import { encodeBinary } from './binary.js'
import { createCalls, sizeOf } from './calls.js'
import { Channel } from './channel.js'
import { createEmitter } from './emitter.js'
import { ApusError, closed, notConnected, told } from './errors.js'
import { createLink } from './link.js'
import { makeSecret } from './secret.js'
import { createSubscription } from './subscription.js'
import { quiet, wait } from './waiting.js'

export { ApusError, Channel }

/** A signal is left out where so many bytes are unsent: it would come too late. */
const MOST_UNSENT_BY_SIGNAL = 64 << 10

/**
 * A client of Apus, and its one connection. The types are in `apus.d.ts`.
 *
 * Here and in all modules, what begins with `_` is for the other modules, and has another name in the file that is served.
 */
export class Apus {
  clientId = null
  node = null
  user = null
  latency = null
  _timeout
  _calls
  #link
  #events = createEmitter()
  _emit = this.#events._emit
  /** Subscriptions by the names of their channels. */
  #channels = new Map()
  #connecting = new Set()

  /**
   * @param {string | URL | undefined} url
   * @param {import('../apus').Options} options
   */
  constructor(url, { user, timeout = 10_000, queue = 100, ...options } = {}) {
    this._timeout = timeout
    this.#link = createLink(webSocketURL(url, user), options, this)
    this._calls = createCalls(queue, this.#link)
    this._guard = this.#link._guard
  }

  get state() {
    return this.#link.state
  }

  get transport() {
    return this.#link._transport()
  }

  get retryAt() {
    return this.#link.retryAt
  }

  on(event, handler, options) {
    return this.#events._on(event, handler, options)
  }

  connect(options) {
    this.#link._start()
    if (this.clientId) return Promise.resolve()
    return wait({ timeout: this._timeout, ...options }, notConnected, this.#connecting)
  }

  async close() {
    this.#link._stop()
  }

  reconnect() {
    this.#link._reconnect()
  }

  renew() {
    return quiet(this.#link._renew())
  }

  channel(name) {
    if (!this.#channels.has(name)) this.#channels.set(name, createSubscription(name, this))
    return new Channel(name, this, this.#channels.get(name))
  }

  /**
   * @param {string} channel
   * @param {unknown} data
   * @param {import('../apus').PublishOptions} options
   */
  async publish(channel, data, { key, echo, ...wait } = {}) {
    demand(data)
    // With one it can be sent again; that makes sense where there is a history, and the publisher stays who it is.
    const canRepeat = () => this.user && this.#channels.get(channel)?._position()
    const makeKey = () => (key === true || (!key && canRepeat()) ? makeSecret() : key)
    const { epoch, offset, duplicate } = await this._ask({ type: 'publish', channel, data, echo }, wait, makeKey)
    return { epoch, offset, duplicate }
  }

  publishBytes(channel, bytes) {
    const link = this.#link
    if (bytes?.BYTES_PER_ELEMENT !== 1 || !link._hello || bytes.length > link._hello.maxMessageSize) return false
    return link._send(encodeBinary(channel, bytes))
  }

  signal(channel, event, data) {
    const text = JSON.stringify({ type: 'signal', channel, event, data })
    const link = this.#link
    if (!link._hello || link._unsent() > MOST_UNSENT_BY_SIGNAL || sizeOf(text) > link._hello.maxMessageSize) return false
    return link._send(text)
  }

  async send(to, data, wait) {
    demand(data)
    const { online } = await this._ask({ type: 'send', to, data }, wait)
    return { online }
  }

  async request(method, params, wait) {
    const { result, error } = await this._ask({ type: 'request', method, params }, wait)
    if (error === undefined) return result
    throw Object.assign(new ApusError('refused', error?.message ?? 'Refused by the backend.'), { cause: error })
  }

  /** Sends a command and gives its reply. */
  _ask(command, options, makeKey) {
    this.#link._start()
    return this._calls._ask(command, { timeout: this._timeout, ...options }, makeKey)
  }

  // What the link tells

  _opened(hello) {
    this.clientId = hello.clientId
    this.node = hello.node
    this.user = hello.user
    for (const waiter of this.#connecting) waiter._resolve()
    this._emit('connected', hello)
    // A handler may have closed it.
    if (!this.clientId) return
    this._calls._begin()
    for (const subscription of this.#channels.values()) subscription._opened()
    this._calls._flush()
  }

  _lost() {
    this.clientId = this.node = this.user = this.latency = null
    this._calls._lost()
    for (const subscription of this.#channels.values()) subscription._lost()
  }

  _stopped(error = closed()) {
    this._calls._end(error)
    for (const subscription of this.#channels.values()) subscription._stopped(error)
    for (const waiter of this.#connecting) waiter._reject(error)
  }

  _received(event) {
    const { type, ...value } = event
    if (event.id !== undefined) this._calls._answered(event)
    else if (type === 'direct' || type === 'notification') this._emit(type, value)
    else if (type === 'error') this._emit(type, told(event))
    else this.#channels.get(event.channel)?._received(event)
  }
}

/**
 * The address of the WebSocket: `ws` beside the page where there is none; http counts as ws.
 * @param {any} url
 */
function webSocketURL(url, user) {
  const address = new URL(url ?? 'ws', globalThis.document?.baseURI ?? globalThis.location?.href)
  address.protocol = address.protocol.replace('http', 'ws')
  address.hash = ''
  if (user !== undefined) address.searchParams.set('user', user)
  return address.href
}

function demand(data) {
  if (data === undefined) throw new ApusError('invalid', 'There is no data.')
}
