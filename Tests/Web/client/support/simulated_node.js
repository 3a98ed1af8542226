import { HELLO } from './node.js'

/** How many messages a channel keeps. */
const KEPT = 30

/**
 * A node in memory, and the network before it: frames take their time, connections are cut with or without a sign, and
 * what was under way is lost. It keeps the part of the protocol that recovery rests on.
 */
export class SimulatedNode {
  channels = new Map()
  sockets = new Set()
  /** The share of publishes that are answered `timeout`, done or not. */
  timeouts = 0
  #random
  #lastClient = 0

  constructor(random) {
    this.#random = random
    const node = this
    this.Socket = class {
      bufferedAmount = 0
      isCut = false
      subscribed = new Set()

      constructor() {
        node.sockets.add(this)
        this.clientId = `c-${++node.#lastClient}`
        this.busyUntil = { in: 0, out: 0 }
        node.#later(this, 'out', () => {
          this.onopen?.({})
          node.#say(this, { ...HELLO, clientId: this.clientId })
        })
      }

      send(text) {
        if (!this.isCut) node.#later(this, 'in', () => node.#received(this, JSON.parse(text)))
      }

      close() {
        node.sockets.delete(this)
      }
    }
  }

  channel(name) {
    if (!this.channels.has(name)) this.channels.set(name, { epoch: 'e1', messages: [], offset: 0, keys: new Map() })
    return this.channels.get(name)
  }

  /** Ends a connection; `isSilent`: neither side is told. */
  cut(socket, isSilent) {
    socket.isCut = true
    this.sockets.delete(socket)
    if (!isSilent) setTimeout(() => socket.onclose?.({ code: 1006, reason: '' }), this.#random.below(50))
  }

  /** Forgets a history, as when somebody deletes it. */
  forget(name) {
    const channel = this.channel(name)
    Object.assign(channel, { epoch: `e${this.#random.below(1e9)}`, messages: [], offset: 0 })
    this.#tell(name, { type: 'gap', channel: name, epoch: channel.epoch, offset: 0 })
  }

  /** Frames of one direction stay in their order. */
  #later(socket, direction, work) {
    const due = Math.max(socket.busyUntil[direction], Date.now() + this.#random.below(60))
    socket.busyUntil[direction] = due
    setTimeout(() => !socket.isCut && work(), due - Date.now())
  }

  #say(socket, event) {
    this.#later(socket, 'out', () => socket.onmessage?.({ data: JSON.stringify(event) }))
  }

  #tell(name, event) {
    for (const socket of this.sockets) if (socket.subscribed.has(name)) this.#say(socket, event)
  }

  #received(socket, command) {
    if (!this.sockets.has(socket)) return
    const reply = this[`_${command.type}`]?.(socket, command, this.channel(command.channel ?? ''))
    if (reply) this.#say(socket, { id: command.id, ...reply })
  }

  _ping() {
    return { type: 'pong', ts: Date.now() }
  }

  _subscribe(socket, { channel: name, since, id }, channel) {
    const { epoch, offset } = channel
    const isFirst = !socket.subscribed.has(name)
    socket.subscribed.add(name)
    const reply = { type: 'subscribed', channel: name, epoch, offset }
    if (!since || !isFirst) return reply
    const missed = channel.messages.filter((message) => message.offset > since.offset)
    const isWhole = since.epoch === epoch && missed.length === offset - since.offset
    if (!isWhole) return { ...reply, recovered: false }
    this.#say(socket, { id, ...reply, offset: since.offset, recovered: true })
    for (const message of missed) this.#say(socket, message)
  }

  _unsubscribe(socket, { channel }) {
    socket.subscribed.delete(channel)
    return { type: 'unsubscribed', channel }
  }

  _history(socket, { channel: name, limit }, { epoch, offset, messages }) {
    return { type: 'history', channel: name, epoch, offset, messages: messages.slice(-limit) }
  }

  _publish(socket, { channel: name, data, key }, channel) {
    const isTimeout = this.#random.chance(this.timeouts)
    if (isTimeout && this.#random.chance(0.5)) return timeout
    const known = key && channel.keys.get(key)
    const offset = known ?? ++channel.offset
    if (!known) {
      if (key) channel.keys.set(key, offset)
      const message = { type: 'message', channel: name, from: 'alice', client: socket.clientId, data, offset, ts: Date.now() }
      channel.messages = [...channel.messages, message].slice(-KEPT)
      this.#tell(name, message)
    }
    return isTimeout ? timeout : { type: 'published', channel: name, epoch: channel.epoch, offset, duplicate: !!known }
  }
}

const timeout = { type: 'error', code: 'timeout', error: 'Redis did not answer.', temporary: true }
