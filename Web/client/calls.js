import { ApusError, notConnected, outcomeUnknown, told } from './errors.js'
import { wait } from './waiting.js'

/** Bytes that may be unsent in the socket before calls wait. */
const MOST_UNSENT = 1 << 20
/** The node remembers a key for five minutes. */
const MOST_REPEATED = 240_000
/** Subscribes that are under way at a time: more would only meet the rate. */
const MOST_TOLD = 32

/** How many bytes a text has. */
export const sizeOf = (text) => new TextEncoder().encode(text).length

/**
 * Calls that wait for a connection, in their order, and those that are sent and not answered.
 *
 * Those that can be repeated, publishes with a key, are sent again after a lost connection, in the old order, as long as the
 * user is the same: to another one's key they would be new.
 *
 * `limit`: how many may wait for a connection.
 */
export const createCalls = (limit, link) => {
  let queue = []
  const sent = new Map()
  let lastId = 0
  let timer
  let isReady = false
  /** Of `_tell`: how many are under way, and those that wait for them. */
  let open, waiting

  function flush() {
    clearTimeout(timer)
    while (isReady && queue[0]) {
      if (link._unsent() > MOST_UNSENT) {
        timer = setTimeout(flush, 50)
        return
      }
      send(queue.shift())
    }
  }

  function send(call) {
    const { user, maxMessageSize } = link._hello
    if (call._firstSent && call._user !== user) return call._reject(outcomeUnknown())
    call._key ??= call._makeKey?.()
    const text = JSON.stringify({ id: call._id, key: call._key }).slice(0, -1) + ',' + call._text.slice(1)
    if (sizeOf(text) > maxMessageSize) {
      return call._reject(new ApusError('too_large', `More than ${maxMessageSize} bytes.`))
    }
    call._firstSent ??= Date.now()
    call._user = user
    sent.set(call._id, call)
    link._send(text)
  }

  /** Sends it again, before all that wait; where that may be twice, it ends with `error`. */
  function repeat(call, error) {
    if (call._key && Date.now() - call._firstSent < MOST_REPEATED) queue.unshift(call)
    else call._reject(error)
  }

  return {
    _flush: flush,

    /**
     * Adds a call: a command without `id` and `key`. What it holds is taken as it is now. `makeKey` is asked when it is sent:
     * by then it is known whether it can be repeated.
     * @param {object} command
     * @param {import('../apus').Wait & { queue?: boolean }} options
     * @param {() => string | undefined} [makeKey]
     */
    _ask(command, { queue: mayWait = true, ...options }, makeKey) {
      const call = { _id: ++lastId, _text: JSON.stringify(command), _makeKey: makeKey }
      return wait(options, () => (call._firstSent ? outcomeUnknown() : notConnected()), {
        add() {
          if (isReady || (mayWait && queue.length < limit)) {
            queue.push(call)
            flush()
          } else call._reject(mayWait && limit ? new ApusError('queue_full', `${limit} calls wait already.`, true) : notConnected())
        },
        delete() {
          sent.delete(call._id)
          queue = queue.filter((other) => other !== call)
        },
      }, call)
    },

    /**
     * Sends a subscribe or an unsubscribe, before all that wait and not too many at a time; `answered` gets the reply, whatever
     * it is, unless the connection is lost.
     */
    _tell(command, answered) {
      const next = () => {
        open++
        send({
          _id: ++lastId,
          _text: JSON.stringify(command),
          _reject() {},
          _answered(reply) {
            open--
            waiting.shift()?.()
            answered(reply)
          },
        })
      }
      if (open < MOST_TOLD) next()
      else waiting.push(next)
    },

    /** There is a connection. */
    _begin() {
      isReady = true
      open = 0
      waiting = []
    },

    /** Nothing more is sent; gives how many calls may still be answered. */
    _pause() {
      isReady = false
      return sent.size
    },

    /** The connection is lost: what was sent has been done or not. */
    _lost() {
      isReady = false
      const calls = [...sent.values()].reverse()
      sent.clear()
      for (const call of calls) repeat(call, outcomeUnknown())
    },

    /** Ends them all; those that are not sent with `error`. */
    _end(error) {
      for (const call of [...sent.values(), ...queue]) call._reject(call._firstSent ? outcomeUnknown() : error)
    },

    /** Takes a reply; one that nobody waits for any more is dropped. */
    _answered(reply) {
      const call = sent.get(reply.id)
      sent.delete(reply.id)
      if (!call) return
      if (call._answered) call._answered(reply)
      else if (reply.type !== 'error') call._resolve(reply)
      else if (reply.code === 'timeout') {
        repeat(call, told(reply))
        flush()
      } else call._reject(told(reply))
    },
  }
}
