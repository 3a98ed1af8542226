import { makeSecret } from '../secret.js'
import { readEvents } from './sse.js'
import { takePlace } from './place.js'

/** Something must come on a stream in that time; else a proxy holds it back. */
const FIRST_EVENT = 5_000
/** Between two polls where there is no place for a stream. */
const BETWEEN_POLLS = 3_000
/** What is answered sooner, with nothing new, or refused for now is not asked for again at once. */
const PAUSE = 1_000
/** Commands of one POST. */
const MOST_COMMANDS = 50
/** Changes of channels that come together open one stream. */
const TOGETHER = 20

const JSON_TYPE = { 'Content-Type': 'application/json' }

/** What is no JSON is no event of ours; whoever gets the text says so. */
function parsed(text) {
  try {
    return JSON.parse(text) ?? { type: 'null' }
  } catch {
    return { type: 'unreadable' }
  }
}

/**
 * Looks like a WebSocket and speaks Server-Sent Events, or polls, and POSTs: for networks that let no WebSocket through.
 *
 * Commands go by `/commands`, one POST at a time. `subscribe` and `unsubscribe` change what the stream is asked for; a new one
 * is opened with the positions, and the old one ends when the new one stands.
 */
export class HttpTransport {
  /** @type {'sse' | 'poll'} */
  kind = 'sse'
  onopen = null
  onmessage = null
  onerror = null
  onclose = null
  binaryType = 'arraybuffer'
  #base
  #query
  #token
  #session = makeSecret()
  /** What is subscribed: by name the members of a subscribe, with `since` as the position moves. */
  #channels = new Map()
  /** Subscribes that were not confirmed, by name: their ids. */
  #unconfirmed = new Map()
  /** Channels without history that were polled twice: what comes between two polls is missed, as was told. */
  #missing = new Set()
  #commands = []
  #isPosting = false
  #stream
  #change
  #place
  /** Ends the POSTs. */
  #life = new AbortController()
  isClosed = false

  constructor(url, protocols) {
    this.#base = new URL(String(url).replace(/^ws/, 'http'))
    this.#query = this.#base.search
    this.#token = protocols.find((protocol) => protocol.startsWith('auth.'))?.slice(5)
    this.#greet()
  }

  get bufferedAmount() {
    return this.#commands.reduce((sum, command) => sum + command.length, 0)
  }

  send(data) {
    if (typeof data !== 'string') return void this.#post(data, { 'Content-Type': 'application/octet-stream' })
    const command = JSON.parse(data)
    if (command.type === 'subscribe') this.#subscribe(command)
    else if (command.type === 'unsubscribe') this.#unsubscribe(command)
    else if (command.type === 'auth') this.#authenticate(command)
    else {
      this.#commands.push(data)
      this.#flush()
    }
  }

  close() {
    this.isClosed = true
    clearTimeout(this.#change)
    this.#life.abort()
    this.#stream?.abort()
    this.#place?.()
  }

  // What is told

  #tell(event) {
    if (!this.isClosed) this.onmessage?.({ data: typeof event === 'string' ? event : JSON.stringify(event) })
  }

  /** Polls are over: tells where messages were missed. */
  _tellMissed() {
    for (const channel of this.#missing) this.#tell({ type: 'gap', channel })
  }

  #end(code = 1006, reason = '') {
    this._tellMissed()
    if (this.isClosed) return
    this.close()
    this.onclose?.({ code, reason })
  }

  /** A refusal by status. */
  #refuse(status, refusal) {
    this.#tell({ type: 'error', temporary: status >= 429, error: '', ...refusal })
    this.#end(status === 401 ? 4001 : 1006)
  }

  // Requests

  #fetch(path, init) {
    const headers = { ...init.headers, ...(this.#token && { Authorization: `Bearer ${this.#token}` }) }
    const { signal } = this.#life
    return fetch(new URL(path + this.#query, this.#base), { method: 'POST', cache: 'no-store', signal, ...init, headers })
  }

  /** Who we are and what holds here, as `connected` would tell. */
  async #greet() {
    this.#place = await takePlace(String(new URL('commands' + this.#query, this.#base)))
    if (!this.#place) this.kind = 'poll'
    if (this.isClosed) return this.#place?.()
    const ask = (method) => ({ type: 'request', method })
    const replies = await this.#post({ commands: [ask('whoami'), ask('limits')] })
    if (!replies) return
    const refusal = replies.find(({ type }) => type === 'error')
    if (refusal) return this.#refuse(503, refusal)
    const [{ clientId, node, user }, { maxMessageSize }] = replies.map(({ result }) => result)
    this.onopen?.({})
    this.#tell({ type: 'connected', clientId, node, user, protocol: 1, pingInterval: 25_000, maxMessageSize })
    // What is for the user comes without any channel.
    this.#changed()
  }

  /** The replies; nothing where there are none, and then it is over. */
  async #post(body, headers = JSON_TYPE) {
    const isBinary = headers !== JSON_TYPE
    const init = isBinary
      ? { body, headers: { ...headers, 'Apus-Session': this.#session } }
      : { body: JSON.stringify({ session: this.#session, ...body }), headers }
    try {
      const answer = await this.#fetch('commands', init)
      const replies = await answer.json()
      if (answer.ok) return replies
      this.#refuse(answer.status, replies)
    } catch {
      this.#end()
    }
  }

  async #flush() {
    if (this.#isPosting || !this.#commands.length) return
    this.#isPosting = true
    const commands = this.#commands.slice(0, MOST_COMMANDS).map((command) => JSON.parse(command))
    const replies = await this.#post({ commands })
    this.#commands.splice(0, commands.length)
    this.#isPosting = false
    for (const reply of replies ?? []) if (reply.id !== undefined || reply.type === 'pong') this.#tell(reply)
    if (replies) this.#flush()
  }

  #authenticate({ token, id }) {
    this.#token = token
    this.#changed()
    this.#post({ commands: [{ type: 'request', method: 'whoami' }] }).then((replies) => {
      if (replies) this.#tell({ type: 'authenticated', id, user: replies[0].result.user })
    })
  }

  // Channels

  #subscribe({ type, id, ...wanted }) {
    const { since } = this.#channels.get(wanted.channel) ?? {}
    this.#channels.set(wanted.channel, { ...wanted, since: since ?? wanted.since })
    this.#unconfirmed.set(wanted.channel, id)
    this.#changed()
  }

  #unsubscribe({ id, channel }) {
    this.#forget(channel)
    this.#changed()
    this.#tell({ type: 'unsubscribed', id, channel })
  }

  #changed(delay = TOGETHER) {
    clearTimeout(this.#change)
    this.#change = setTimeout(() => this.#open(), delay)
  }

  #open() {
    const old = this.#stream
    const current = (this.#stream = new AbortController())
    // It may end before it has ended the old one.
    current.signal.addEventListener('abort', () => old?.abort())
    if (this.kind === 'sse') this.#listen(current, old)
    else if (this.#channels.size) this.#poll(current, old)
    else old?.abort()
  }

  get #body() {
    return { session: this.#session, channels: [...this.#channels.values()] }
  }

  /** The stream is refused: where that is for one of its channels, the others go on. */
  #refuseStream(stream, asked, status, { channel, ...refusal }) {
    if (!asked.includes(channel)) return this.#refuse(status, refusal)
    if (stream.signal.aborted) return
    const isTemporary = refusal.temporary
    if (this.#unconfirmed.has(channel)) {
      const id = this.#unconfirmed.get(channel)
      this.#forget(channel)
      this.#tell({ type: 'error', temporary: false, error: '', ...refusal, channel, id })
    } else if (!isTemporary && this.#channels.has(channel)) {
      this.#forget(channel)
      this.#tell({ type: 'unsubscribed', channel, reason: 'server' })
    }
    if (!this.isClosed) this.#changed(isTemporary ? PAUSE : TOGETHER)
  }

  #forget(channel) {
    this.#channels.delete(channel)
    this.#unconfirmed.delete(channel)
    this.#missing.delete(channel)
  }

  async #listen(stream, old) {
    const { signal } = stream
    const asked = [...this.#channels.keys()]
    const unheard = new Set(asked)
    const patience = setTimeout(() => {
      this.kind = 'poll'
      this.#changed()
    }, FIRST_EVENT)
    try {
      const answer = await this.#fetch('events', { signal, headers: JSON_TYPE, body: JSON.stringify(this.#body) })
      if (!answer.ok) {
        const refusal = await answer.json()
        clearTimeout(patience)
        return this.#refuseStream(stream, asked, answer.status, refusal)
      }
      await readEvents(answer.body, (text) => {
        clearTimeout(patience)
        const event = parsed(text)
        if (event.type === 'subscribed') unheard.delete(event.channel)
        if (!unheard.size) old?.abort()
        if (!signal.aborted) this.#received(event, text)
      })
    } catch {}
    clearTimeout(patience)
    if (!signal.aborted && stream === this.#stream) this.#end()
  }

  async #poll(stream, old) {
    old?.abort()
    const { signal } = stream
    const wait = this.#place ? undefined : 0
    while (!signal.aborted) {
      const asked = [...this.#channels.keys()]
      const begun = Date.now()
      const before = this.#unconfirmed.size
      let isNews
      try {
        const body = JSON.stringify({ ...this.#body, wait })
        const answer = await this.#fetch('poll', { signal, headers: JSON_TYPE, body })
        const told = await answer.json()
        if (!answer.ok) return this.#refuseStream(stream, asked, answer.status, told)
        this.#polled(told)
        isNews = told.events.length || this.#unconfirmed.size < before
      } catch {
        if (!signal.aborted) this.#end()
        return
      }
      const pause = wait === 0 ? BETWEEN_POLLS : !isNews && Date.now() - begun < PAUSE ? PAUSE : 0
      if (pause) await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }

  /**
   * A poll confirms by its first answer, and tells where it ends; the client stands before what the answer brings. What
   * a channel without history says between two polls is missed: a gap tells when that begins, and one when it has ended.
   */
  #polled({ events, channels }) {
    for (const { channel, epoch, offset } of channels) {
      const first = events.find((event) => event.type === 'message' && event.channel === channel && event.offset)
      const before = first ? first.offset - 1 : offset
      if (this.#unconfirmed.has(channel)) this.#received({ type: 'subscribed', channel, epoch, offset: before })
      else if (epoch === undefined && !this.#missing.has(channel)) {
        this.#missing.add(channel)
        this.#tell({ type: 'gap', channel })
      }
    }
    for (const event of events) this.#received(event)
    for (const { channel, epoch, offset } of channels) this.#move(channel, epoch, offset)
  }

  #received(event, text = JSON.stringify(event)) {
    const { type, channel, epoch, offset } = event
    if (type === 'connected' || type === undefined) return
    if (type === 'close') return this.#end(event.code)
    if (type === 'message' && offset !== undefined) this.#move(channel, this.#channels.get(channel)?.since?.epoch, offset)
    if (type === 'subscribed' || type === 'gap') this.#move(channel, epoch, offset)
    if (type !== 'subscribed') return this.#tell(text)
    const id = this.#unconfirmed.get(channel)
    this.#unconfirmed.delete(channel)
    if (id !== undefined || event.reason) this.#tell({ ...event, id })
    // One of an older subscribe: only a loss is news.
    else if (event.recovered === false) this.#tell({ type: 'gap', channel, epoch, offset })
  }

  #move(channel, epoch, offset) {
    const wanted = this.#channels.get(channel)
    if (wanted) wanted.since = epoch === undefined ? undefined : { epoch, offset }
  }
}
