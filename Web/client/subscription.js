import { asSince, withBytes } from './binary.js'
import { createEmitter } from './emitter.js'
import { clamped, closed, notConnected, told } from './errors.js'
import { loadExtras } from './extras.js'
import { quiet, wait } from './waiting.js'

/** Milliseconds after which a subscribe that was refused for now is sent again, at the least. */
const AGAIN = 2_000

/**
 * The one subscription to a channel, which all handles of its name share.
 *
 * It sends one command at a time, and looks when that is answered whether what is wanted is another by now.
 */
export const createSubscription = (name, client) => {
  const events = createEmitter()
  const emit = events._emit
  /** Who is there, and who types; loaded when somebody wants to know. */
  let people
  /** The promise of them, while they are loaded. */
  let loading
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
  /** Events that wait, and for how much: those who wait for `subscribe`, the last messages, what is loaded. */
  let held = null
  let wasSubscribed = false
  let isByServer = false
  /** Whether anybody wants to know who types. */
  let isWatched = false

  const failed = (error) => client._emit('error', error)

  function loadPeople() {
    const create = ({ createPeople }) => (people ??= createPeople(emit, (event, data) => client.signal(name, event, data)))
    loading ??= loadExtras().then(create, failed).finally(() => (loading = undefined))
    return loading
  }

  /** In the next turn: what is mounted, unmounted and mounted again is one command. */
  const syncSoon = () => new Promise((resolve) => setTimeout(() => resolve(sync())))

  function sync() {
    if (!client.clientId || pending) return
    if (!wanted.size) {
      if (confirmed && !isByServer) send({ type: 'unsubscribe' }, () => (confirmed = position = null))
      return
    }
    /** @type {any} */
    let mode = false
    let info, newest
    for (newest of wanted.values()) {
      mode = mode === true || newest.presence || mode
      if (newest.info !== undefined) info = newest.info
    }
    if (mode !== true) info = undefined
    if (confirmed?.mode === mode && confirmed.info === info) resolve()
    else subscribe(mode, info, newest)
  }

  /** In so many milliseconds at the least, and a random part of them; until then nothing is sent. */
  function syncLater(delay) {
    pending = {}
    again = setTimeout(() => {
      pending = undefined
      sync()
    }, clamped(delay, AGAIN) * (1 + Math.random() / 4))
  }

  function send(command, answered) {
    const mine = (pending = {})
    client._calls._tell({ ...command, channel: name }, async (reply) => {
      // Members are taken in their order, so what comes behind the reply waits, too.
      if (command.presence && loading) {
        hold(loading)
        await loading
      }
      if (mine !== pending) return
      pending = undefined
      answered(reply)
      sync()
    })
  }

  function subscribe(mode, info, { since, last }) {
    if (mode && !people) loadPeople()
    const isFirst = !confirmed
    const reads = isFirst && !wasSubscribed && last
    const command = {
      type: 'subscribe',
      presence: mode || undefined,
      info: valueOf(info),
      since: isFirst ? position ?? asSince(since) : undefined,
    }
    send(command, (reply) => {
      if (reply.type === 'error') {
        if (isFirst) held = null
        return refused(told(reply))
      }
      subscribed(reply, mode, info)
      if (confirmed?.mode === null) syncLater()
    })
    if (!reads) return
    // The node answers it after the subscribe: nothing is missing between the two.
    const mine = hold(client._ask({ type: 'history', channel: name, limit: last }).then(async (read) => {
      await loading
      if (mine === held) showLast(read)
      mine._isReading = false
    }))
    mine._isReading = true
  }

  /** What others see of the client; a function may throw. */
  function valueOf(info) {
    try {
      return typeof info === 'function' ? info() : info
    } catch (error) {
      failed(error)
    }
  }

  function subscribed({ type, id, ...answer }, mode, info) {
    const isFirst = !confirmed
    // Where `people` could not be loaded the list is lost: null is never what is wanted, so it is asked for again.
    confirmed = { mode: mode && !people ? null : mode, info, answer }
    const isAgain = isFirst && wasSubscribed
    if (isFirst) setPosition(answer)
    if (!wanted.size && !isByServer) return
    wasSubscribed = true
    if (waiters.size) hold(Promise.resolve())
    resolve()
    if (isFirst) emit('subscribed', { ...answer, again: isAgain })
    people?._reset(mode && answer)
    if (isAgain && answer.recovered === false) emit('gap', { channel: name, ...position })
  }

  /** @param {any} event */
  function setPosition({ epoch, offset }) {
    position = epoch === undefined ? null : { epoch, offset }
  }

  function resolve() {
    const answer = { ...confirmed.answer }
    const members = people?._map()
    if (members) answer.members = [...members.values()]
    for (const waiter of waiters) waiter._resolve(answer)
  }

  function refused(error) {
    if (error.temporary) syncLater(error.retryAfter)
    else {
      const isExpected = waiters.size
      end({ error })
      if (!isExpected) failed(error)
    }
  }

  /** The node has taken the subscription away, or refuses it for good. */
  function end(why) {
    confirmed = held = position = null
    wasSubscribed = isByServer = false
    // A handler may want it anew.
    wanted.clear()
    forgetPeople()
    emit('ended', why)
    for (const waiter of waiters) waiter._reject(why.error ?? closed())
  }

  function forgetPeople() {
    people?._reset()
    people?._forgetTypists()
  }

  // What comes

  /** Holds back what comes until `work` is done, and a turn longer. */
  function hold(work) {
    const mine = (held ??= { _events: [], _count: 0 })
    mine._count++
    quiet(work.finally(() => setTimeout(() => {
      if (!--mine._count && mine === held) release()
    })))
    return mine
  }

  function release() {
    const { _events } = held
    held = null
    // A handler may have ended it.
    for (const event of _events) if (confirmed || event.type === 'subscribed') client._guard(() => handOver(event))
  }

  function handOver(event) {
    const { type, offset } = event
    if (type === 'subscribed') return subscribed(event, confirmed?.mode ?? 'members' in event, confirmed?.info)
    const isOfMembers = people?._received(event)
    if (type === 'gap') setPosition(event)
    if (type === 'message' && offset !== undefined && position) {
      if (offset <= position.offset) return
      position = { epoch: position.epoch, offset }
    }
    if (!isOfMembers) emit(type, withBytes(event))
  }

  function showLast(read) {
    for (const message of read.messages) emit('message', withBytes(message))
    if (read.epoch === position?.epoch && read.offset > position.offset) setPosition(read)
  }

  const isFor = (handle) => isByServer || !left.has(handle)

  /** A handle wants it no longer. */
  function remove(handle) {
    left.add(handle)
    if (!wanted.delete(handle)) return
    for (const waiter of waiters) if (waiter._handle === handle) waiter._reject(closed())
    if (!wanted.size) {
      held = null
      wasSubscribed = false
      people?._stop()
      forgetPeople()
    }
    return syncSoon()
  }

  return {
    _events: events,
    _people: () => people,
    _position: () => position,
    _isFor: isFor,
    _remove: remove,

    _state(handle) {
      if (!isFor(handle) || !(confirmed || wanted.size)) return 'unsubscribed'
      return confirmed ? 'subscribed' : 'subscribing'
    },

    /** Looks who types from now on. */
    _watchTyping() {
      isWatched = true
      loadPeople()
    },

    async _typed() {
      await loadPeople()
      people?._typed()
    },

    /** A handle wants it; resolves when the node has confirmed. */
    _add(handle, options) {
      const { signal } = options
      left.delete(handle)
      const isNew = !wanted.delete(handle)
      wanted.set(handle, options)
      syncSoon()
      const waiting = wait(options, notConnected, waiters, { _handle: handle })
      waiting.catch(() => isNew && signal?.aborted && remove(handle))
      return waiting
    },

    _opened() {
      // It may have failed before.
      if (isWatched) loadPeople()
      sync()
    },

    _lost() {
      // The last messages were not all shown: the next connection begins anew.
      if (held?._isReading) wasSubscribed = false
      if (!wasSubscribed) position = null
      confirmed = held = null
      pending = undefined
      clearTimeout(again)
      people?._forgetTypists()
      if (isByServer && !wanted.size) end({ reason: 'server' })
      isByServer = false
    },

    _stopped(error) {
      for (const waiter of waiters) waiter._reject(error)
    },

    /** An event of the channel. */
    _received(event) {
      if (event.type === 'subscribed') {
        isByServer = true
        if ('members' in event && !people) hold(loadPeople())
      }
      else if (!confirmed && !held) return
      if (event.type === 'unsubscribed') end({ reason: 'server' })
      else if (held) held._events.push(event)
      else handOver(event)
    },
  }
}
