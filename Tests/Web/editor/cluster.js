/**
 * As much of a cluster and of `apus.js` as a room needs, in one process: channels with a history, connections that are
 * cut, answers that are lost, and a Redis that forgets. Times are those of `setTimeout`, which tests mock.
 */
export class Cluster {
  channels = new Map()
  clients = []
  epochs = 0
  published = []  // `{ channel, data, at }` of all that was taken, and `refused` ones
  longestHistory = 2000

  constructor(random) {
    this.random = random
  }

  client(user) {
    const client = new Client(this, user)
    this.clients.push(client)
    return client
  }

  log(name) {
    if (!this.channels.has(name)) this.channels.set(name, { epoch: `e${++this.epochs}`, offset: 0, messages: [] })
    return this.channels.get(name)
  }

  publish(channel, data, client) {
    const log = this.log(channel)
    const copy = JSON.parse(JSON.stringify(data))
    const message = { channel, data: copy, from: client.user, client: client.clientId, offset: ++log.offset }
    log.messages.push(message)
    if (log.messages.length > this.longestHistory) log.messages.shift()
    this.published.push({ channel, data, at: Date.now() })
    for (const other of this.clients) if (other !== client) other.receive(message, log.epoch)
    return { epoch: log.epoch, offset: log.offset }
  }

  /** What is kept of a channel after a position; null where that cannot be told. */
  since(channel, { epoch, offset }) {
    const log = this.log(channel)
    const first = log.messages[0]?.offset ?? log.offset + 1
    const isHeld = epoch === log.epoch && offset <= log.offset && first <= offset + 1
    const missed = log.messages.filter(message => message.offset > offset)
    return isHeld && missed.length <= 300 ? missed : null
  }

  /** Redis has lost everything. */
  forget() {
    this.channels.clear()
    for (const client of this.clients) client.tellGaps()
  }
}

class Client {
  state = 'connected'
  channels = new Map()

  constructor(cluster, user) {
    Object.assign(this, { cluster, user, clientId: `c-${user}` })
  }

  channel(name) {
    if (!this.channels.has(name)) this.channels.set(name, new Channel(this, name))
    return this.channels.get(name)
  }

  receive(message, epoch) {
    this.channels.get(message.channel)?.receive(message, epoch)
  }

  tellGaps() {
    if (this.state === 'connected') for (const channel of this.channels.values()) channel.tellGap()
  }

  cut() {
    this.state = 'reconnecting'
    for (const channel of this.channels.values()) channel.lose()
  }

  comeBack() {
    this.state = 'connected'
    for (const channel of this.channels.values()) channel.resubscribe()
  }
}

class Channel {
  state = 'unsubscribed'
  position = null
  members = new Map()
  signals = []
  histories = 0
  #handlers = []
  #connection = 0

  constructor(client, name) {
    Object.assign(this, { client, name, cluster: client.cluster })
  }

  get count() { return this.cluster.clients.length }

  on(event, handler) { this.#handlers.push({ event, handler }) }
  emit(event, value) { for (const each of this.#handlers) if (each.event === event) each.handler(value) }

  async subscribe({ since } = {}) {
    await this.#trip()
    this.#subscribed(since ?? null, false)
  }

  resubscribe() {
    if (this.state === 'subscribing') this.#subscribed(this.position, true)
  }

  #subscribed(since, again) {
    const { epoch, offset } = this.cluster.log(this.name)
    const missed = since && this.cluster.since(this.name, since)
    this.state = 'subscribed'
    const recovered = since ? missed !== null : undefined
    if (recovered !== true) this.position = { epoch, offset }
    this.emit('subscribed', { channel: this.name, epoch, offset, recovered, again })
    for (const message of missed ?? []) this.receive(message, epoch)
    if (again && recovered === false) this.emit('gap', { channel: this.name, epoch, offset })
  }

  receive(message, epoch) {
    if (this.state !== 'subscribed') return
    const connection = this.#connection
    setTimeout(() => {
      const isOld = this.position?.epoch === epoch && this.position.offset >= message.offset
      if (connection !== this.#connection || isOld) return
      this.position = { epoch, offset: message.offset }
      this.emit('message', message)
    }, 20)
  }

  tellGap() {
    const { epoch, offset } = this.cluster.log(this.name)
    this.#connection++  // What is on its way is lost.
    this.position = { epoch, offset }
    this.emit('gap', { channel: this.name, epoch, offset })
  }

  lose() {
    this.#connection++
    if (this.state === 'subscribed') this.state = 'subscribing'
  }

  /** A way to the node and back; the connection may be lost before or after the node has done its part. */
  async #trip(action = () => {}) {
    if (this.client.state !== 'connected') {
      await new Promise(resolve => setTimeout(resolve, 1000))
      if (this.client.state !== 'connected') throw failure('not_connected', true)
    }
    const connection = this.#connection
    await new Promise(resolve => setTimeout(resolve, 10))
    if (connection !== this.#connection) throw failure('outcome_unknown', false)
    const answer = action()
    await new Promise(resolve => setTimeout(resolve, 10))
    if (connection !== this.#connection) throw failure('outcome_unknown', false)
    return answer
  }

  async publish(data) {
    return this.#trip(() => this.cluster.publish(this.name, data, this.client))
  }

  async history({ limit, since }) {
    this.histories++
    return this.#trip(() => {
      const { epoch, offset, messages } = this.cluster.log(this.name)
      if (since && since.epoch !== epoch) return { epoch, offset, messages: [], reset: true }
      const newer = messages.filter(message => message.offset > (since?.offset ?? 0))
      return { epoch, offset, messages: since ? newer.slice(0, limit) : newer.slice(-limit), reset: false }
    })
  }

  signal(event, data) {
    this.signals.push({ event, data, at: Date.now() })
    if (this.client.state !== 'connected') return false
    const { user: from, clientId: client } = this.client
    for (const other of this.cluster.clients) {
      const channel = other.channels.get(this.name)
      if (other === this.client || channel?.state !== 'subscribed') continue
      setTimeout(() => channel.emit('signal', { event, data, from, client }), 20)
    }
    return true
  }
}

function failure(code, temporary) {
  return Object.assign(new Error(code), { code, temporary })
}
