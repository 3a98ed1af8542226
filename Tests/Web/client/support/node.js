import assert from 'node:assert/strict'
import { settle } from './clock.js'

export const HELLO = {
  type: 'connected',
  clientId: 'c-1',
  node: 'web-1.aaaaaa',
  user: 'alice',
  protocol: 1,
  pingInterval: 25_000,
  maxMessageSize: 65_536,
}

/** The sockets that a client has made, the newest last; a test plays the node at their other end. */
export function scriptedSockets() {
  const sockets = []
  class ScriptedSocket {
    bufferedAmount = 0
    readyState = 1
    sent = []
    closedWith = null

    constructor(url, protocols) {
      this.url = String(url)
      this.protocols = protocols
      sockets.push(this)
    }

    send(data) {
      assert.equal(this.closedWith, null, 'sent on a socket that was closed')
      // A browser throws it away and complains on the console.
      assert.equal(this.readyState, 1, 'sent on a socket that is closing')
      this.sent.push(typeof data === 'string' ? JSON.parse(data) : data)
    }

    close(code) {
      this.closedWith ??= code
    }

    /** The node says something. */
    async say(event) {
      this.onmessage?.({ data: event instanceof ArrayBuffer ? event : JSON.stringify(event) })
      await settle()
    }

    async greet(hello = {}) {
      this.onopen?.({})
      await this.say({ ...HELLO, ...hello })
    }

    /** The connection ends. */
    async end(code = 1006, reason = '') {
      this.onclose?.({ code, reason })
      await settle()
    }

    /** What was sent, pings left out. */
    get commands() {
      return this.sent.filter((command) => command.type !== 'ping')
    }

    /** Answers the newest command of that type. */
    async answer(type, reply) {
      const command = this.sent.findLast((command) => command.type === type)
      assert.ok(command, `no ${type} was sent`)
      await this.say({ type, id: command.id, ...(command.channel && { channel: command.channel }), ...reply })
    }

    async subscribed(reply) {
      await this.answer('subscribe', { type: 'subscribed', ...reply })
    }

    async pong() {
      await this.say({ type: 'pong', ts: 0 })
    }
  }
  return { sockets, Socket: ScriptedSocket, last: () => sockets.at(-1) }
}

export const message = (offset, data = offset, more = {}) => ({
  type: 'message',
  channel: 'room',
  from: 'bob',
  client: 'c-2',
  data,
  ts: 0,
  ...(offset && { offset }),
  ...more,
})
