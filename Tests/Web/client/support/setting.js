import { Apus } from '../../../../Web/client/apus.js'
import '../../../../Web/client/apus-extras.js'
import { Clock, settle } from './clock.js'
import { scriptedSockets } from './node.js'
import { Page } from './page.js'

export { message, HELLO } from './node.js'
export { settle }

/** A page, a clock, and a client whose node the test plays. */
export function setting(options = {}) {
  const clock = new Clock()
  const page = new Page()
  const { sockets, Socket, last } = scriptedSockets()
  const reported = []
  globalThis.reportError = (error) => reported.push(error)
  const client = new Apus('wss://node.example/ws', { WebSocket: Socket, fallback: false, ...options })
  const errors = []
  client.on('error', (error) => errors.push(error))
  const place = {
    clock,
    page,
    sockets,
    Socket,
    last,
    client,
    errors,
    reported,

    /** Connects, and gives the socket. */
    async connected(hello) {
      client.connect()
      await clock.pass()
      await last().greet(hello)
      return last()
    },

    /** Connects and subscribes; `reply` is what the node answers. */
    async subscribed(reply = { epoch: 'e1', offset: 10 }, subscribeOptions) {
      const socket = client.state === 'connected' ? last() : await place.connected()
      const channel = client.channel('room')
      channel.subscribe(subscribeOptions)
      await clock.pass()
      await socket.subscribed(reply)
      await clock.pass()
      return channel
    },

    /** The connection is lost, and the next one stands. */
    async again(hello) {
      await last().end()
      await clock.pass(client.retryAt - clock.now)
      await last().greet(hello)
      return last()
    },
  }
  return place
}

/** What an emitter tells of some events, as `[event, value]`. */
export function record(emitter, ...events) {
  const told = []
  for (const event of events) emitter.on(event, (value) => told.push([event, value]))
  return told
}

/** Watches a promise from now on: the code of the error that it rejects with, `resolved`, or `pending`. */
export function watch(promise) {
  const watched = { outcome: 'pending' }
  promise.then(
    () => (watched.outcome = 'resolved'),
    (error) => (watched.outcome = error.code ?? error)
  )
  return watched
}

/** What has become of a promise. */
export async function outcome(promise) {
  const watched = watch(promise)
  await settle()
  return watched.outcome
}
