import { withBytes } from './binary.js'
import { createEmitter } from './emitter.js'
import { closed, notConnected, told } from './errors.js'
import { loadExtras } from './extras.js'
import { createMembers } from './members.js'
import { quiet, wait } from './waiting.js'

/** Milliseconds after which a subscribe that was refused for now is sent again, at the least. */
const AGAIN = 2_000

/** Presence as the node takes it, the strongest of those that handles want. */
const strongest = (modes) => (modes.includes(true) ? true : modes.includes('watch') && 'watch')

export const asSince = (since) => (since instanceof Date ? since.getTime() : since)

/** @type {any} */
const SILENT = { received() {}, typed() {}, stop() {}, forgetAll() {} }

/** Work for the next turn of the event loop. */
const later = (work) => setTimeout(work)

/**
 * The one subscription to a channel, which all handles of its name share.
 *
 * It sends one command at a time, and looks when that is answered whether what is wanted is another by now.
 *
 * `client` has `isOpen()`, `tell(command, answered)`, `ask(command)`, `signal(…)` and `failed(error)`.
 */
export function createSubscription(name, client) {
  const events = createEmitter()
  const { emit } = events
  const members = createMembers()
  /** Nobody types until somebody wants to know. */
  let typing = SILENT
  /** The options of each handle that wants it; the newest last. */
  const wanted = new Map()
  /** Handles that have unsubscribed: they hear nothing, whoever else listens. */
  const left = new WeakSet()
  const waiters = new Set()
  let position = null
  /** What the node has confirmed: `{ mode, info, answer }`. */
  let confirmed = null
  /** The command that is under way, or the time until the next try. */
  let pending
  let again
  /** Events that wait until those who wait for `subscribe` have had their turn, and for the last messages. */
  let held = null
  let isReading = false
  let wasSubscribed = false
  let isByServer = false

  async function loadTyping() {
    const { createTyping } = await loadExtras()
    if (typing === SILENT) {
      typing = createTyping((event, data) => client.signal(name, event, data), (list) => emit('typing', list))
    }
    return typing
  }

  /** In the next turn: what is mounted, unmounted and mounted again is one command. */
  const syncSoon = () => later(sync)

  function sync() {
    if (!client.isOpen() || pending) return
    if (!wanted.size) {
      if (confirmed && !isByServer) unsubscribe()
      return
    }
    const options = [...wanted.values()]
    const mode = strongest(options.map((option) => option.presence))
    const info = mode === true ? options.map((option) => option.info).filter((info) => info !== undefined).at(-1) : undefined
    if (confirmed?.mode === mode && confirmed.info === info) return resolve()
    subscribe(mode, info, options.at(-1))
  }

  function send(command, answered) {
    const mine = (pending = {})
    client.tell({ ...command, channel: name }, (reply) => {
      if (mine !== pending) return
      pending = undefined
      answered(reply)
      sync()
    })
  }

  function subscribe(mode, info, { since, last }) {
    const isFirst = !confirmed
    const reads = isFirst && !wasSubscribed && last
    const command = {
      type: 'subscribe',
      presence: mode || undefined,
      info: valueOf(info),
      since: isFirst ? position ?? asSince(since) : undefined,
    }
    if (reads) {
      held = []
      isReading = true
    }
    send(command, (reply) => {
      if (reply.type === 'error') return refused(told(reply))
      subscribed(reply, { mode, info, isFirst })
    })
    // The node answers it after the subscribe: nothing is missing between the two.
    if (reads) quiet(client.ask({ type: 'history', channel: name, limit: last }).then(showLast).finally(readAll))
  }

  /** What others see of the client; a function may throw. */
  function valueOf(info) {
    try {
      return typeof info === 'function' ? info() : info
    } catch (error) {
      client.failed(error)
    }
  }

  function unsubscribe() {
    send({ type: 'unsubscribe' }, () => {
      confirmed = position = null
    })
  }

  function subscribed({ type, id, ...answer }, { mode, info, isFirst }) {
    confirmed = { mode, info, answer }
    const isAgain = isFirst && wasSubscribed
    if (isFirst) setPosition(answer)
    if (!wanted.size && !isByServer) return
    wasSubscribed = true
    if (waiters.size) {
      held ??= []
      later(release)
    }
    resolve()
    if (isFirst) emit('subscribed', { ...answer, again: isAgain })
    if (mode) emit('presence', members.reset(answer))
    else members.forget()
    if (isAgain && answer.recovered === false) emit('gap', { channel: name, ...position })
  }

  /** @param {any} event */
  function setPosition({ epoch, offset }) {
    position = epoch === undefined ? null : { epoch, offset }
  }

  function resolve() {
    const answer = { ...confirmed.answer }
    if (members.map()) answer.members = [...members.map().values()]
    for (const waiter of [...waiters]) waiter.resolve(answer)
  }

  function refused(error) {
    held = null
    if (error.temporary) {
      const wait = Math.max(AGAIN, error.retryAfter ?? 0) * (1 + Math.random() / 4)
      const mine = (pending = {})
      again = setTimeout(() => {
        if (mine === pending) pending = undefined
        sync()
      }, wait)
    } else {
      const isExpected = waiters.size
      end({ error })
      if (!isExpected) client.failed(error)
    }
  }

  /** The node has taken the subscription away, or refuses it for good. */
  function end(why) {
    confirmed = held = position = null
    wasSubscribed = isByServer = false
    // A handler may want it anew.
    wanted.clear()
    forgetOthers()
    emit('ended', why)
    for (const waiter of [...waiters]) waiter.reject(why.error ?? closed())
  }

  function forgetOthers() {
    members.forget()
    typing.forgetAll()
  }

  // What comes

  /** Hands over what `make` makes of an event, now or when those before it have been. */
  function hand(event, make) {
    const handOver = () => {
      typing.received(event)
      const value = make(event)
      if (value) emit(event.type in CHANGES ? 'presence' : event.type, value)
    }
    if (held) held.push(handOver)
    else handOver()
  }

  const CHANGES = { join: members.joined, leave: members.left, members: members.reset }

  function asNew(message) {
    if (message.offset !== undefined && position) {
      if (message.offset <= position.offset) return
      position = { epoch: position.epoch, offset: message.offset }
    }
    return withBytes(message)
  }

  function release() {
    if (isReading) return
    const events = held ?? []
    held = null
    // A handler may have ended it.
    for (const handOver of events) if (confirmed) handOver()
  }

  function showLast(read) {
    if (!wanted.size) return
    for (const message of read.messages) emit('message', withBytes(message))
    if (read.epoch === position?.epoch && read.offset > position.offset) setPosition(read)
  }

  function readAll() {
    isReading = false
    later(release)
  }

  const isFor = (handle) => isByServer || !left.has(handle)

  function state(handle) {
    if (!isFor(handle) || !(confirmed || wanted.size)) return 'unsubscribed'
    return confirmed ? 'subscribed' : 'subscribing'
  }

  /** A handle wants it no longer. */
  function remove(handle) {
    left.add(handle)
    if (!wanted.delete(handle)) return
    for (const waiter of [...waiters]) if (waiter.handle === handle) waiter.reject(closed())
    if (!wanted.size) {
      held = null
      wasSubscribed = false
      typing.stop()
      forgetOthers()
    }
    syncSoon()
  }

  return {
    events,
    members,
    typing: () => typing,
    loadTyping,
    position: () => position,
    isFor,
    state,

    /** A handle wants it; resolves when the node has confirmed. */
    add(handle, options) {
      left.delete(handle)
      const isNew = !wanted.delete(handle)
      wanted.set(handle, options)
      const waiter = wait(options, notConnected, (waiter) => {
        waiters.delete(waiter)
        if (isNew && options.signal?.aborted) remove(handle)
      })
      waiter.handle = handle
      if (!options.signal?.aborted) waiters.add(waiter)
      syncSoon()
      return waiter.promise
    },

    remove,

    opened: sync,

    lost() {
      // The last messages were not all shown: the next connection begins anew.
      if (isReading) wasSubscribed = false
      if (!wasSubscribed) position = null
      pending = confirmed = held = null
      isReading = false
      clearTimeout(again)
      typing.forgetAll()
      if (isByServer && !wanted.size) return end({ reason: 'server' })
      isByServer = false
    },

    stopped(error) {
      for (const waiter of [...waiters]) waiter.reject(error)
    },

    /** An event of the channel. */
    received(event) {
      if (event.type === 'subscribed') {
        isByServer = true
        subscribed(event, { mode: confirmed?.mode ?? 'members' in event, info: confirmed?.info, isFirst: !confirmed })
      } else if (!confirmed) return
      else if (event.type === 'unsubscribed') end({ reason: 'server' })
      else if (event.type === 'message') hand(event, asNew)
      else if (event.type in CHANGES) hand(event, CHANGES[event.type])
      else {
        hand(event, ({ type, ...value }) => {
          if (type === 'gap') setPosition(value)
          return value
        })
      }
    },
  }
}
