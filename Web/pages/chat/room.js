import { duration, make, nodeName } from '/demo.js'
import { Conversation } from './conversation.js'
import { channelNameOf } from './words.js'

const QUIET = 400          // ms without a message that end a history
const LONGEST_WAIT = 2000  // ms, where messages never cease

/** A channel: with members, the last messages for who comes, and what was missed for who comes back. */
export class Room extends Conversation {
  comesBack = true
  #client
  /** What comes as one piece: a history, or what was missed. */
  #batch = null
  /** Messages that come while the history is read anew. */
  #held = null
  /** Up to where messages have been shown. */
  #epoch
  #offset = 0
  #lostAt = null
  #gapLine = null
  #leaving = new AbortController()

  /**
   * @param {string} name @param {import('../../apus.d.ts').Apus} client
   * @param {import('./conversation.js').Page} page
   */
  constructor(name, client, page) {
    super(name, `Messages in ${name}`, page)
    this.#client = client
    this.channel = client.channel(channelNameOf(name))
    this.#listen()
  }

  /** Whether it is known that nothing has been said here. */
  get isEmpty() { return this.#batch === null && !this.log.hasMessages }

  /** Aborted when it is left: its handlers would keep it and its log for as long as the client lasts. */
  get left() { return this.#leaving.signal }

  #listen() {
    const on = (event, handler) => this.channel.on(event, handler, { signal: this.left })
    on('message', message => this.take(message))
    on('presence', change => {
      if (!change.resync) this.log.addArrivals(change)
      this.page.peopled()
    })
    on('typing', typists => {
      this.typists = typists
      this.page.typing()
    })
    on('subscribed', event => {
      if (event.again) this.#cameBack(event)
      this.#lostAt = null
    })
    on('gap', () => this.#readAnew())
    on('ended', ({ error }) => this.#ended(error))
  }

  /** The node hands over the last messages, then what is new. Others see in `info` on which node we are. */
  enter() {
    if (this.channel.state !== 'unsubscribed') return
    this.#collect(() => {
      this.setUnread(0)
      this.log.unmarkUnread()
    })
    const info = () => ({ node: nodeName(this.#client.node) })
    this.channel.subscribe({ presence: true, last: 50, info }).catch(() => {})    // `ended` says why.
  }

  leave() {
    this.channel.unsubscribe()
    this.#leaving.abort()
  }

  /** The connection is gone; the client makes another. */
  lost() {
    this.#lostAt ??= Date.now()
  }

  /** With a key it arrives once, however often it is sent: by the client after an outage, or by "Send again". */
  send(data) {
    return this.channel.publish(data, { key: data.id, timeout: 60_000 })
  }

  take(message) {
    if (this.#held) {
      this.#held.push(message)
    } else if (!this.#isKnown(message)) {
      const element = super.take(message)
      if (element && this.#batch) this.#extend(element)
    }
  }

  /** What is read again, after a gap or a connection lost too early, has been shown in part. */
  #isKnown({ offset }) {
    const epoch = this.channel.position?.epoch
    if (offset === undefined || epoch === undefined) return false
    if (this.#epoch !== epoch) {
      this.#epoch = epoch
      this.#offset = 0
    }
    if (offset <= this.#offset) return true
    this.#offset = offset
    return false
  }

  /** Whatever comes until nothing has come for a moment is one piece. */
  #collect(finish) {
    clearTimeout(this.#batch?.timer)
    this.#batch = { count: 0, first: null, began: Date.now(), finish }
    this.log.isBusy = true
    this.#extend(null)
  }

  #extend(element) {
    const batch = this.#batch, isWaiting = () => this.channel.state === 'subscribing'
    if (element) batch.count += 1
    batch.first ??= element
    if (isWaiting()) batch.began = Date.now()
    clearTimeout(batch.timer)
    batch.timer = setTimeout(() => {
      if (isWaiting()) return this.#extend(null)
      this.#batch = null
      batch.finish(batch)
      this.log.isBusy = false
      this.page.filled()
    }, Date.now() - batch.began < LONGEST_WAIT ? QUIET : 0)
  }

  /** After an outage what was missed comes now, and is told in one line. Where it does not, `gap` tells it. */
  #cameBack({ epoch, recovered }) {
    const away = `Away for ${duration(Date.now() - (this.#lostAt ?? Date.now()))}`
    if (epoch === undefined) return this.log.addLine(`${away}. What was said meanwhile is not kept here`)
    if (!recovered) return this.log.addLine(away)
    this.#collect(({ count, first }) => {
      const missed = count === 0 ? 'nothing was missed' : `${count} ${count === 1 ? 'message' : 'messages'} caught up`
      const line = this.log.addLine(`${away}: ${missed}`)
      if (first) this.log.putBefore(first, line)
    })
  }

  /**
   * What was missed cannot be had any more: the newest messages are read as at the beginning. Gaps in a row are told
   * once: polls of a channel without history have one where they begin and one where they end.
   */
  async #readAnew() {
    const isTold = this.#gapLine !== null && this.#gapLine === this.log.last
    if (!isTold) this.#gapLine = this.log.addLine('Messages may be missing here', 'bad')
    this.#held ??= []
    const { messages = [] } = await this.channel.history({ limit: 50 }).catch(() => ({}))
    const newer = this.#held ?? []
    this.#held = null
    for (const message of [...messages, ...newer]) this.take(message)
  }

  #ended(error) {
    const reason = error ? `You cannot be in this room: ${error.message} ` : 'You were taken out of this room. '
    const again = () => {
      line.remove()
      this.enter()
      this.page.answered()
    }
    const button = make('button', { type: 'button', textContent: 'Enter again', onclick: again })
    const line = this.log.addLine(reason, 'bad', button)
  }
}
