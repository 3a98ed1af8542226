import { decodeBinary, encodeBinary } from './binary.js'
import { createCalls, isLonger } from './calls.js'
import { Channel } from './channel.js'
import { createEmitter } from './emitter.js'
import { ApusError, closed, notConnected, told } from './errors.js'
import { createLink } from './link.js'
import { randomLetters } from './secret.js'
import { createSubscription } from './subscription.js'
import { quiet, wait } from './waiting.js'

export { ApusError, Channel }

/** Subscribes that are under way at a time: more would only meet the rate. */
const MOST_SUBSCRIBES = 32
/** A signal is left out where so many bytes are unsent: it would come too late. */
const MOST_UNSENT_BY_SIGNAL = 64 << 10
/** How long calls that are under way have when the node goes away. */
const FINISHING = 1_000

/** A client of Apus, and its one connection. The types are in `apus.d.ts`. */
export class Apus {
  clientId = null
  node = null
  user = null
  latency = null
  timeout
  #link
  #hello
  #calls
  #events = createEmitter()
  /** Subscriptions by the names of their channels. */
  #channels = new Map()
  #connecting = new Set()
  #subscribes = { open: 0, queue: [] }

  /**
   * @param {string | URL | undefined} url
   * @param {import('../apus').Options} options
   */
  constructor(url, { token, user, timeout = 10_000, queue = 100, log, ...transport } = {}) {
    this.timeout = timeout
    this.#calls = createCalls(queue)
    let previous = 'offline'
    this.#link = createLink({
      url: webSocketURL(url, user),
      token,
      transport,
      log: (what, detail) => log?.(what, masked(detail)),
      on: {
        state: (state, error) => {
          this.#events.emit('state', { state, previous, retryAt: this.retryAt, ...(error && { error }) })
          previous = state
        },
        opened: (hello) => this.#opened(hello),
        received: (event) => this.#received(event),
        lost: () => this.#lost(),
        stopped: (error) => this.#stopped(error),
        draining: (after) => this.#events.emit('draining', { after }),
        drained: () => this.#drained(),
        failed: (error) => this.#events.emit('error', error),
        latency: (ms) => this.#events.emit('latency', (this.latency = ms)),
      },
    })
  }

  get state() {
    return this.#link.state()
  }

  get transport() {
    return this.#link.transport()
  }

  get retryAt() {
    return this.#link.retryAt()
  }

  on(event, handler, options) {
    return this.#events.on(event, handler, options)
  }

  connect(options) {
    this.#link.start()
    if (this.#hello) return Promise.resolve()
    const waiter = wait({ timeout: this.timeout, ...options }, notConnected, (waiter) => this.#connecting.delete(waiter))
    if (!options?.signal?.aborted) this.#connecting.add(waiter)
    return waiter.promise
  }

  close() {
    this.#link.stop()
    return Promise.resolve()
  }

  reconnect() {
    this.#link.reconnect()
  }

  renew() {
    return quiet(this.#link.renew())
  }

  channel(name) {
    let subscription = this.#channels.get(name)
    if (!subscription) {
      subscription = createSubscription(name, {
        isOpen: () => !!this.#hello,
        ask: (command) => this.ask(command),
        signal: (...signal) => this.signal(...signal),
        tell: (command, answered) => this.#tell(command, answered),
        failed: (error) => this.#events.emit('error', error),
      })
      this.#channels.set(name, subscription)
    }
    return new Channel(name, this, subscription)
  }

  /**
   * @param {string} channel
   * @param {unknown} data
   * @param {import('../apus').PublishOptions} options
   */
  async publish(channel, data, { key, echo, ...wait } = {}) {
    demand(data)
    const makeKey = () => (key === true || (!key && this.#canRepeat(channel)) ? randomLetters() : key)
    const { epoch, offset, duplicate } = await this.ask({ type: 'publish', channel, data, echo }, wait, makeKey)
    return { epoch, offset, duplicate }
  }

  publishBytes(channel, bytes) {
    if (!this.#hello) return false
    this.#link.send(encodeBinary(channel, bytes))
    return true
  }

  signal(channel, event, data) {
    const text = JSON.stringify({ type: 'signal', channel, event, data })
    const isSent = this.#hello && this.#link.unsent() <= MOST_UNSENT_BY_SIGNAL && !isLonger(text, this.#hello.maxMessageSize)
    if (isSent) this.#link.send(text)
    return !!isSent
  }

  async send(to, data, wait) {
    demand(data)
    const { online } = await this.ask({ type: 'send', to, data }, wait)
    return { online }
  }

  async request(method, params, wait) {
    const { result, error } = await this.ask({ type: 'request', method, params }, wait)
    if (error === undefined) return result
    throw Object.assign(new ApusError('refused', error?.message ?? 'The backend refuses.'), { cause: error })
  }

  /** Sends a command and gives its reply; for `Channel`. */
  ask(command, options, makeKey) {
    this.#link.start()
    return this.#calls.ask(command, { timeout: this.timeout, ...options }, makeKey)
  }

  /** Whether a publish gets a key, and so can be sent again: there is a history, and the publisher stays who it is. */
  #canRepeat(channel) {
    return this.user && this.#channels.get(channel)?.position()
  }

  // What the link tells

  #opened(hello) {
    this.#hello = hello
    this.clientId = hello.clientId
    this.node = hello.node
    this.user = hello.user
    for (const waiter of [...this.#connecting]) waiter.resolve()
    this.#events.emit('connected', hello)
    if (this.#hello !== hello) return
    this.#calls.begin({ send: this.#link.send, unsent: this.#link.unsent, hello }, () => {
      for (const subscription of this.#channels.values()) subscription.opened()
    })
  }

  #lost() {
    this.#hello = undefined
    this.clientId = this.node = this.user = this.latency = null
    this.#subscribes = { open: 0, queue: [] }
    this.#calls.lost()
    for (const subscription of this.#channels.values()) subscription.lost()
  }

  #stopped(error = closed()) {
    this.#calls.end(error)
    for (const subscription of this.#channels.values()) subscription.stopped(error)
    for (const waiter of [...this.#connecting]) waiter.reject(error)
  }

  /** The node goes away now: what is under way has a moment to end. */
  #drained() {
    this.#calls.pause()
    const end = Date.now() + FINISHING
    const look = () => {
      if (this.#calls.open() && Date.now() < end) setTimeout(look, 50)
      else this.#link.reconnect()
    }
    look()
  }

  #received(event) {
    if (event instanceof ArrayBuffer) event = decodeBinary(event)
    const { type, ...value } = event
    if (event.id !== undefined) this.#calls.answered(event)
    else if (type === 'direct' || type === 'notification') this.#events.emit(type, value)
    else if (type === 'error') this.#events.emit(type, told(event))
    else this.#channels.get(event.channel)?.received(event)
  }

  /** Sends a subscribe or an unsubscribe, not too many at a time. */
  #tell(command, answered) {
    const subscribes = this.#subscribes
    const send = () => {
      subscribes.open++
      this.#calls.tell(command, (reply) => {
        subscribes.open--
        if (reply.type === 'subscribed') this.#link.wasOfUse()
        answered(reply)
        if (subscribes === this.#subscribes) subscribes.queue.shift()?.()
      })
    }
    if (subscribes.open < MOST_SUBSCRIBES) send()
    else subscribes.queue.push(send)
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
  if (data === undefined) throw new ApusError('invalid', 'There is no data; null is a value.')
}

/** What a log may show of what was sent. */
const masked = (detail) =>
  typeof detail === 'string' ? detail.replace(/("token":")[^"]*/, '$1…') : detail
