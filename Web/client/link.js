import { decodeBinary } from './binary.js'
import { ApusError, clamped, told } from './errors.js'
import { loadExtras } from './extras.js'
import { createHeart } from './heart.js'
import { isHidden, watchPage } from './page.js'
import { createTokens } from './tokens.js'
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
/** Between two dials, whatever their reason; only the second of all may be at once. */
const BETWEEN_DIALS = 1_000
/** How long something that is said to be alive may take to show it. */
const PATIENCE = 3_000
/** How long calls that are under way have when the node goes away. */
const FINISHING = 1_000
/** A token that can go into the handshake; another one, or a longer one, is shown by `auth`. */
const FOR_HANDSHAKE = /^[\w.-]{1,4000}$/

const AUTH = 'auth'

/**
 * Keeps one connection: dials, shows a token, looks whether it lives, and comes back.
 *
 * An attempt, from dialling to the end of its connection, is an object; what belongs to one that was dropped is ignored.
 *
 * `client` is told `_opened(hello)`, `_received(event)`, `_lost()`, `_stopped(error)`, and by
 * `_emit(event, value)` what its program shall know.
 * @param {string} url
 * @param {import('../apus').Options} options
 * @param {any} client
 */
export const createLink = (url, { token, log, ...options }, client) => {
  const canRenew = typeof token === 'function'
  const tokens = createTokens(canRenew ? token : () => token)
  const transport = createTransport(options, reconnect)
  let span = SHORTEST_SPAN
  let hasConnected = false
  /** The state that was told last. */
  let previous = 'offline'
  /** @type {any} */
  let attempt
  let retry, unwatch
  let dialled = 0
  /** So much has been dialled: a second after the last dial, or later where some came early. */
  let due = 0
  /** What a node had against the last token: `{ token, error }`. */
  let refused

  const link = {
    state: previous,
    retryAt: null,
    /** What the node has said first, while the connection stands. */
    _hello: undefined,
    /** Dials, unless it does already. */
    _start: start,
    _stop: stop,
    _reconnect: reconnect,
    _renew: renew,
    _send: send,
    _guard: guard,
    _transport: () => (link._hello ? attempt.socket.kind ?? 'websocket' : null),
    _unsent: () => attempt.socket.bufferedAmount,
  }

  /** Tokens are masked. */
  function note(what, detail) {
    log?.(what, typeof detail === 'string' ? detail.replace(/("token":")[^"]*/, '$1…') : detail)
  }

  /** What a node says may be anything: where it cannot be read it is left out. */
  function guard(work) {
    try {
      work()
    } catch (error) {
      note('error', error)
    }
  }

  function change(state, error) {
    link.state = state
    const detail = { state, previous, retryAt: link.retryAt, ...(error && { error }) }
    previous = state
    note('state', detail)
    client._emit('state', detail)
  }

  const changeToTrying = () => change(hasConnected ? 'reconnecting' : 'connecting')

  const isOver = (mine) => mine !== attempt

  function after(mine, delay, work) {
    mine._timers.push(setTimeout(work, delay))
  }

  // Dialling

  async function dial() {
    drop()
    /** @type {any} */
    const mine = (attempt = { _timers: [] })
    dialled = Date.now()
    after(mine, transport._patience() || ATTEMPT, lost)
    changeToTrying()
    if (isOver(mine)) return
    try {
      mine._token = await tokens._ask(refused ? 'refused' : 'connect')
      if (isOver(mine)) return
      if (refused && (mine._token ?? refused._token) === refused._token) return stop(refused._error)
      mine._isShown = FOR_HANDSHAKE.test(mine._token ?? '')
      const wait = due - BETWEEN_DIALS - Date.now()
      if (wait > 0) await new Promise((resolve) => after(mine, wait, resolve))
      due = Math.max(due, Date.now()) + BETWEEN_DIALS
      open(mine, await transport._dial(url, mine._isShown ? ['apus.v1', 'auth.' + mine._token] : ['apus.v1']))
    } catch (error) {
      if (isOver(mine)) return
      if (!error.temporary) return stop(new ApusError('invalid', error.message))
      client._emit('error', error)
      if (!isOver(mine)) lost()
    }
  }

  function open(mine, socket) {
    // `close` follows, and says no less.
    socket.onerror = () => {}
    if (isOver(mine)) return socket.close()
    mine.socket = socket
    socket.binaryType = 'arraybuffer'
    socket.onopen = () => transport._opened(socket)
    socket.onmessage = ({ data }) => {
      mine._heart?._heard()
      note('in', data)
      guard(() => received(mine, typeof data === 'string' ? JSON.parse(data) : decodeBinary(data)))
    }
    socket.onclose = ({ code, reason }) => ended(mine, code, reason)
  }

  /** The connection, or the attempt, is gone: the next one comes after a while, or at once. */
  function lost(atOnce) {
    if (!link._hello) {
      transport._failed()
      // The wait grows by itself.
      due -= BETWEEN_DIALS
    }
    drop()
    const wait = atOnce ? 0 : Math.random() * span
    span = Math.min(2 * span, LONGEST_SPAN)
    link.retryAt = Date.now() + wait
    retry = setTimeout(dial, wait)
    changeToTrying()
  }

  function drop() {
    clearTimeout(retry)
    link.retryAt = null
    const old = attempt
    attempt = undefined
    if (!old) return
    old._timers.forEach(clearTimeout)
    old._heart?._stop()
    if (old.socket) {
      old.socket.onopen = old.socket.onmessage = old.socket.onclose = null
      old.socket.close(1000)
    }
    if (!link._hello) return
    link._hello = undefined
    client._lost()
  }

  function stop(error) {
    if (!unwatch) return
    unwatch()
    unwatch = refused = undefined
    span = SHORTEST_SPAN
    hasConnected = false
    drop()
    client._stopped(error)
    change('offline', error)
  }

  function ended(mine, code, reason) {
    if (code === 4003) return stop(new ApusError('refused', reason || 'Ended by the server.'))
    if (code === 4001) {
      const error = mine._error ?? new ApusError('unauthenticated', reason || 'A token is needed.')
      if (refused || !canRenew) return stop(error)
      refused = { _token: mine._token, _error: error }
      return lost(true)
    }
    // One that was of no use must not be followed by the next at once.
    lost(mine._isOfUse && (code === 4002 || mine._isDraining))
  }

  // What comes

  function received(mine, event) {
    const { type } = event
    if (type === 'connected') return mine._hello || greeted(mine, event)
    if (!mine._hello && type !== 'error') return
    if (type === 'pong') {
      if (!link._hello) begin(mine)
      wasOfUse()
      if (!isOver(mine)) client._emit('latency', (client.latency = mine._heart._since()))
    } else if (event.id === AUTH && !link._hello) {
      if (type === 'error') {
        mine._error = told(event)
        ended(mine, 4001, '')
      } else {
        mine._hello.user = event.user
        begin(mine)
      }
    } else if (type === 'expiring') expiring(mine, clamped(event.in))
    else if (type === 'drain') {
      const delay = clamped(event.after)
      mine._isDraining = true
      after(mine, delay, () => finish(mine, Date.now() + FINISHING))
      client._emit('draining', { after: delay })
    } else if (link._hello) {
      if (type === 'subscribed') wasOfUse()
      client._received(event)
    } else if (type === 'error') mine._error = told(event)
  }

  function greeted(mine, hello) {
    mine._hello = hello
    mine._heart = createHeart(clamped(hello.pingInterval, 1_000), () => send('{"type":"ping"}'), lost)
    if (mine._token && !mine._isShown) send(JSON.stringify({ type: AUTH, token: mine._token, id: AUTH }))
    // Behind this a token may be refused: a pong shows that it was not.
    else if (mine._token && hello.user === null) mine._heart._beat()
    else begin(mine)
  }

  function begin(mine) {
    clearTimeout(mine._timers[0])
    after(mine, USE, wasOfUse)
    hasConnected = true
    refused = undefined
    link.state = 'connected'
    client._opened((link._hello = mine._hello))
    if (isOver(mine)) return
    change('connected')
    if (!isOver(mine)) mine._heart._beat()
  }

  /** The node goes away now: what is under way has a moment to end. */
  function finish(mine, end) {
    if (client._calls._pause() && Date.now() < end) after(mine, 50, () => finish(mine, end))
    else reconnect()
  }

  /** Whether it was sent: a connection that is closing takes nothing more. */
  function send(data) {
    if (attempt.socket.readyState > 1) return false
    note('out', data)
    attempt.socket.send(data)
    return true
  }

  function wasOfUse() {
    if (attempt) attempt._isOfUse = true
    span = SHORTEST_SPAN
  }

  // Tokens

  async function renew() {
    const hello = link._hello
    const extras = await loadExtras()
    await extras.renew(hello, link, tokens, client, ApusError)
  }

  /** Asks for another token, and where that fails again at half of the time that is left. */
  function expiring(mine, left) {
    if (!canRenew) return
    const end = Date.now() + left
    renew().catch((error) => {
      if (isOver(mine)) return
      client._emit('error', error)
      const half = (end - Date.now()) / 2
      if (half > 500) after(mine, half, () => expiring(mine, half))
    })
  }

  // Sleep

  function woken() {
    if (isHidden()) return
    if (link._hello) return look()
    if (attempt && Date.now() - dialled <= STALE) return
    drop()
    retry = setTimeout(dial, dialled + BETWEEN_DIALS - Date.now())
  }

  function look() {
    if (link._hello) attempt._heart._beat(PATIENCE)
  }

  function left() {
    drop()
    changeToTrying()
  }

  function start() {
    if (!unwatch) reconnect()
  }

  function reconnect() {
    unwatch ??= watchPage(woken, look, left)
    dial()
  }

  return link
}
