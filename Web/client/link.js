import { ApusError, notConnected, told } from './errors.js'
import { createHeart } from './heart.js'
import { isHidden, watchPage } from './page.js'
import { createTokens, subjectOf } from './tokens.js'
import { createTransport } from './transport.js'

/** The span within which the wait before an attempt is random: it doubles from the shortest to the longest. */
const SHORTEST_SPAN = 500
const LONGEST_SPAN = 20_000
/** Milliseconds until an attempt is given up. */
const ATTEMPT = 10_000
/** An attempt that has lasted longer is not waited for when the page comes back to life. */
const STALE = 2_000
/** How long a connection must last to have been of use. */
const USE = 5_000
/** How often a page that comes back to life dials, at the most. */
const BETWEEN_DIALS = 1_000
/** How long something that is said to be alive may take to show it. */
const PATIENCE = 3_000
/** The longest token that goes into the handshake, in letters; a longer one is shown by `auth`. */
const MOST_IN_HANDSHAKE = 4_000

const AUTH = 'auth'

/**
 * Keeps one connection: dials, shows a token, looks whether it lives, and comes back.
 *
 * An attempt, from dialling to the end of its connection, is an object; what belongs to one that was dropped is ignored.
 *
 * `on` is told `state(state, error)`, `opened(hello)`, `received(event)` (or an ArrayBuffer), `lost()`, `stopped(error)`,
 * `draining(after)`, `drained()`, `failed(error)` and `latency(ms)`.
 */
export function createLink({ url, token, transport: options, log, on }) {
  const tokens = createTokens(token)
  const transport = createTransport(options, reconnect)
  let state = 'offline'
  let span = SHORTEST_SPAN
  let hasConnected = false
  /** @type {any} */
  let attempt
  let retry, unwatch
  let retryAt = null
  let dialled = 0
  /** What a node had against the last token: `{ token, error }`. */
  let refused

  function change(next, error) {
    state = next
    log('state', { state, retryAt, error })
    on.state(state, error)
  }

  const changeToTrying = () => change(hasConnected ? 'reconnecting' : 'connecting')

  const isOver = (mine) => mine !== attempt

  function after(mine, delay, work) {
    mine.timers.push(setTimeout(work, delay))
  }

  // Dialling

  async function dial() {
    clearTimeout(retry)
    retryAt = null
    /** @type {any} */
    const mine = (attempt = { began: Date.now(), timers: [] })
    dialled = mine.began
    after(mine, transport.patience() || ATTEMPT, lost)
    changeToTrying()
    if (isOver(mine)) return
    try {
      mine.token = await tokens.ask(refused ? 'refused' : 'connect')
    } catch (error) {
      if (isOver(mine)) return
      on.failed(new ApusError('no_token', `No token: ${error?.message ?? error}`, true))
      return isOver(mine) || lost()
    }
    if (isOver(mine)) return
    if (refused && (mine.token ?? refused.token) === refused.token) return stop(refused.error)
    mine.isShown = mine.token?.length <= MOST_IN_HANDSHAKE
    try {
      open(mine, await transport.dial(url, mine.isShown ? ['apus.v1', 'auth.' + mine.token] : ['apus.v1']))
    } catch (error) {
      if (!isOver(mine)) stop(new ApusError('invalid', error.message))
    }
  }

  function open(mine, socket) {
    mine.socket = socket
    // `close` follows, and says no less.
    socket.onerror = () => {}
    if (isOver(mine)) return socket.close()
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => transport.opened(socket)
    socket.onmessage = ({ data }) => {
      mine.heart?.heard()
      log('in', data)
      if (typeof data === 'string') received(mine, JSON.parse(data))
      else if (mine.isOpen) on.received(data)
    }
    socket.onclose = ({ code, reason }) => ended(mine, code, reason)
  }

  /** The connection, or the attempt, is gone: the next one comes after a while, or at once. */
  function lost(atOnce) {
    if (!attempt?.isOpen) transport.failed()
    drop()
    const wait = atOnce === true ? 0 : Math.random() * span
    span = Math.min(2 * span, LONGEST_SPAN)
    retryAt = Date.now() + wait
    retry = setTimeout(dial, wait)
    changeToTrying()
  }

  function drop() {
    clearTimeout(retry)
    retryAt = null
    const old = attempt
    attempt = undefined
    if (!old) return
    old.timers.forEach(clearTimeout)
    old.heart?.stop()
    old.renewal?.reject(notConnected())
    if (old.socket) {
      old.socket.onopen = old.socket.onmessage = old.socket.onclose = null
      old.socket.close(1000)
    }
    if (old.isOpen) on.lost()
  }

  function stop(error) {
    if (!unwatch) return
    unwatch()
    unwatch = refused = undefined
    span = SHORTEST_SPAN
    hasConnected = false
    drop()
    on.stopped(error)
    change('offline', error)
  }

  function ended(mine, code, reason) {
    if (code === 4003) return stop(new ApusError('refused', reason || 'The server ended the connection.'))
    if (code === 4001) {
      const error = mine.error ?? new ApusError('unauthenticated', reason || 'The node demands a token.')
      if (refused || !tokens.canRenew) return stop(error)
      refused = { token: mine.token, error }
      return lost(true)
    }
    // One that was of no use must not be followed by the next at once.
    lost(mine.isOfUse && (code === 4002 || mine.isDraining))
  }

  // What comes

  function received(mine, event) {
    if (event.type === 'connected') return greeted(mine, event)
    if (event.type === 'pong') {
      if (!mine.isOpen) begin(mine)
      wasOfUse()
      if (!isOver(mine)) on.latency(mine.heart.since())
    } else if (event.type === 'authenticated') {
      mine.hello.user = event.user
      mine.renewal ? mine.renewal.resolve() : begin(mine)
    } else if (event.type === 'error' && event.id === AUTH) {
      if (mine.renewal) mine.renewal.reject(told(event))
      else {
        mine.error = told(event)
        ended(mine, 4001)
      }
    } else if (event.type === 'expiring') {
      expiring(mine, event.in)
    } else if (event.type === 'drain') {
      mine.isDraining = true
      after(mine, event.after, on.drained)
      on.draining(event.after)
    } else if (mine.isOpen) {
      on.received(event)
    } else if (event.type === 'error') {
      mine.error = told(event)
    }
  }

  function greeted(mine, hello) {
    mine.hello = hello
    mine.heart = createHeart(hello.pingInterval, { ping: () => send('{"type":"ping"}'), dead: lost })
    if (mine.token && !mine.isShown) send(JSON.stringify({ type: AUTH, token: mine.token, id: AUTH }))
    // Behind this a token may be refused: a pong shows that it was not.
    else if (mine.token && hello.user === null) mine.heart.beat()
    else begin(mine)
  }

  function begin(mine) {
    clearTimeout(mine.timers[0])
    after(mine, USE, wasOfUse)
    mine.isOpen = hasConnected = true
    refused = undefined
    state = 'connected'
    on.opened(mine.hello)
    if (isOver(mine)) return
    change('connected')
    if (!isOver(mine)) mine.heart.beat()
  }

  function send(data) {
    log('out', data)
    attempt.socket.send(data)
  }

  function wasOfUse() {
    if (attempt) attempt.isOfUse = true
    span = SHORTEST_SPAN
  }

  // Tokens

  async function renew() {
    const mine = attempt
    const token = await tokens.ask('expiring')
    if (!mine?.isOpen || isOver(mine)) return
    if (token === null) throw new ApusError('no_token', 'There is no token.')
    if (subjectOf(token) !== mine.hello.user) {
      tokens.give(token)
      return reconnect()
    }
    await new Promise((resolve, reject) => {
      mine.renewal = { resolve, reject }
      send(JSON.stringify({ type: AUTH, token, id: AUTH }))
    })
  }

  /** Asks for another token, and where that fails again at half of the time that is left. */
  function expiring(mine, left) {
    if (!tokens.canRenew) return
    const end = Date.now() + left
    renew().catch((error) => {
      if (isOver(mine)) return
      on.failed(error)
      const half = (end - Date.now()) / 2
      if (half > 500) after(mine, half, () => expiring(mine, half))
    })
  }

  // Sleep

  function woken() {
    if (isHidden() || !unwatch) return
    if (attempt?.isOpen) return look()
    if (attempt && Date.now() - attempt.began <= STALE) return
    drop()
    retry = setTimeout(dial, dialled + BETWEEN_DIALS - Date.now())
  }

  function look() {
    if (attempt?.isOpen) attempt.heart.beat(PATIENCE)
  }

  function left() {
    drop()
    changeToTrying()
  }

  function start() {
    if (unwatch) return
    unwatch = watchPage({ woken, cut: look, left })
    dial()
  }

  function reconnect() {
    if (!unwatch) return start()
    drop()
    dial()
  }

  return {
    /** Dials, unless it does already. */
    start,
    stop,
    reconnect,
    renew,
    send,
    wasOfUse,
    state: () => state,
    retryAt: () => retryAt,
    transport: () => (attempt?.isOpen ? attempt.socket.kind ?? 'websocket' : null),
    unsent: () => attempt?.socket?.bufferedAmount ?? 0,
  }
}
