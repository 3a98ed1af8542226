import { ApusError, closed, notConnected, outcomeUnknown, told } from './errors.js'
import { wait } from './waiting.js'

/** Bytes that may be unsent in the socket before calls wait. */
const MOST_UNSENT = 1 << 20
/** The node remembers a key for five minutes. */
const MOST_REPEATED = 240_000

/** Whether a text has more bytes than that. */
export const isLonger = (text, bytes) => text.length > bytes || new TextEncoder().encode(text).length > bytes

/**
 * Calls that wait for a connection, in their order, and those that are sent and not answered.
 *
 * Those that can be repeated, publishes with a key, are sent again after a lost connection, in the old order, as long as the
 * user is the same: to another one's key they would be new.
 *
 * `limit`: how many may wait for a connection.
 */
export function createCalls(limit) {
  let queue = []
  const sent = new Map()
  let lastId = 0
  let timer
  /** `{ send, unsent, hello }` while there is one. */
  let connection
  let isPaused = false

  const canRepeat = (call) => call.key && Date.now() - call.firstSent < MOST_REPEATED

  const isReady = () => connection && !isPaused

  function flush() {
    clearTimeout(timer)
    while (isReady() && queue[0]) {
      if (connection.unsent() > MOST_UNSENT) {
        timer = setTimeout(flush, 50)
        return
      }
      send(queue.shift())
    }
  }

  function send(call) {
    const { user, maxMessageSize } = connection.hello
    if (call.firstSent && call.user !== user) return call.reject(outcomeUnknown())
    call.key ??= call.makeKey?.()
    const text = JSON.stringify({ id: call.id, key: call.key }).slice(0, -1) + ',' + call.text.slice(1)
    if (isLonger(text, maxMessageSize)) {
      return call.reject(new ApusError('too_large', `More than ${maxMessageSize} bytes; nothing was sent.`))
    }
    call.firstSent ??= Date.now()
    call.user = user
    sent.set(call.id, call)
    connection.send(text)
  }

  return {
    /**
     * Adds a call: a command without `id` and `key`. What it holds is taken as it is now. `makeKey` is asked when it is sent:
     * by then it is known whether it can be repeated.
     * @param {object} command
     * @param {import('../apus').Wait & { queue?: boolean }} options
     * @param {() => string | undefined} [makeKey]
     */
    ask(command, { queue: mayWait = true, ...options }, makeKey) {
      const text = JSON.stringify(command)
      const late = () => (call.firstSent ? outcomeUnknown() : notConnected())
      const call = wait(options, late, (call) => {
        sent.delete(call.id)
        queue = queue.filter((other) => other !== call)
      })
      Object.assign(call, { id: ++lastId, text, makeKey })
      if (options.signal?.aborted) return call.promise
      if (!isReady() && (!mayWait || !limit)) call.reject(notConnected())
      else if (!isReady() && queue.length >= limit) {
        call.reject(new ApusError('queue_full', `${limit} calls wait already.`, true))
      } else {
        queue.push(call)
        flush()
      }
      return call.promise
    },

    /** Sends a command now, before all that wait; `answered` gets the reply, whatever it is, unless the connection is lost. */
    tell(command, answered) {
      send({ id: ++lastId, text: JSON.stringify(command), answered, reject() {} })
    },

    /** There is a connection; what `first` tells goes before all that wait. */
    begin(next, first) {
      connection = next
      isPaused = false
      first()
      flush()
    },

    /** What is sent may still be answered; nothing more is sent. */
    pause() {
      isPaused = true
    },

    /** The connection is lost: what was sent has been done or not. */
    lost() {
      connection = undefined
      const again = []
      for (const call of [...sent.values()]) canRepeat(call) ? again.push(call) : call.reject(outcomeUnknown())
      sent.clear()
      queue = [...again, ...queue]
    },

    /** How many are sent and not answered. */
    open: () => sent.size,

    /** Ends them all; those that are not sent with `error`. */
    end(error = closed()) {
      for (const call of [...sent.values(), ...queue]) call.reject(call.firstSent ? outcomeUnknown() : error)
    },

    /** Takes a reply; one that nobody waits for any more is dropped. */
    answered(reply) {
      const call = sent.get(reply.id)
      sent.delete(reply.id)
      if (call?.answered) call.answered(reply)
      else if (reply.type !== 'error') call?.resolve(reply)
      else if (reply.code === 'timeout' && call && canRepeat(call)) {
        queue.unshift(call)
        flush()
      } else call?.reject(told(reply))
    },
  }
}
