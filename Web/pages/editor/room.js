import { LARGEST_MESSAGE, isEdit, isId, isState, joined, lettersIn, lettersOf, randomName } from './edits.js'

const BATCH_EVERY = 60        // ms: a user has 50 commands a second on a node, and a batch is one
const CARET_EVERY = 100       // ms
const RETRY_AFTER = 2000      // ms
const LARGEST_BATCH = 48_000  // bytes; a node takes messages of 64 KiB
const PAGE = 100              // messages; no history answers with more
const PART = 24_000           // letters of a snapshot in one message
const MOST_PARTS = 8          // so that one answer of a history holds them all
const SNAPSHOT_EVERY = 50     // publishes
const OLDEST_SNAPSHOT = 20 * 60_000  // ms: histories end an hour after their last message

/**
 * A document's two channels. In the first, each message is a batch of edits. In the second, now and then somebody
 * writes a snapshot: the whole text and the position in the first channel that it stands for, so that nobody has to
 * read the edits since the beginning of time.
 *
 * Edits may come in any order and twice, so all repetition here is harmless: a batch is sent until it is confirmed,
 * what was missed is read while new messages arrive, and snapshots of others are merged whenever they come.
 *
 * @typedef {import('./edits.js').Edit} Edit
 * @typedef {import('./edits.js').Id} Id
 * @typedef {import('./edits.js').State} State
 * @typedef {{ text: string, state: State, position: Position }} Snapshot
 * @typedef {import('../../apus.d.ts').Position} Position
 * @typedef {object} Page  what the room tells the page, and asks it
 * @property {(edits: Edit[]) => void} edited  by others, or by this page and known
 * @property {(state: State, isLoading: boolean) => boolean} takes  whether the text has room for a snapshot
 * @property {(state: State, isLoading: boolean) => void} merged  a snapshot came
 * @property {() => State | null} state  of the text; null while something that came is held back
 * @property {(who: string, caret: { from: Id | null, to: Id | null }) => void} moved  somebody's caret
 * @property {() => void} changed  the people, or one of the properties below
 */
export class Room {
  /** Whether the text is here. */
  loaded = false
  /** Why it cannot be loaded or saved, for people; null while it can. @type {string | null} */
  trouble = null
  /** How many letters could not be sent, and never will be. */
  lost = 0
  #page
  #document
  #snapshots
  /** Edits that no message carries yet, and those in a message that is not confirmed. @type {Edit[]} */
  #unsent = []
  /** @type {Edit[]} */
  #sent = []
  #isSaving = false
  /** Up to here everything has been taken; null before anything was. @type {Position | null} */
  #complete = null
  #epoch = null
  #isCatchingUp = false
  #isBehind = false
  #caret = null
  #caretTimer = null
  #parts = new Map()      // of snapshots that have not come whole
  /** Whether snapshots that came lately were taken, by their texts: those that come again cost nothing. */
  #judged = new Map()
  #owesSnapshot = false
  #snapshotAt = Date.now()
  #snapshotText = ''      // of the newest that has come since one is owed

  /** @param {import('../../apus.d.ts').Apus} apus @param {string} name @param {Page} page */
  constructor(apus, name, page) {
    this.#page = page
    this.#document = apus.channel(`demo:doc:${name}`)
    this.#snapshots = apus.channel(`demo:doc:${name}:snapshot`)
  }

  /** Whether all edits of this page are confirmed. */
  get isSaved() { return this.#unsent.length + this.#sent.length === 0 }
  get isConnected() { return this.#document.state === 'subscribed' }
  /** The handle that the edits come by. */
  get channel() { return this.#document }
  /** Null above 200 of them. */
  get people() { return this.#document.members }
  get count() { return this.#document.count }

  /** Reads the newest snapshot, then what was written since; tries until it can. */
  async open() {
    this.#listen()
    await this.#persist(() => this.#readSnapshots())
    await this.#persist(() => this.#document.subscribe({ presence: true, since: this.#complete ?? undefined }))
  }

  #listen() {
    this.#document.on('message', message => this.#take(message))
    this.#document.on('subscribed', subscribed => this.#arrived(subscribed))
    this.#document.on('gap', () => this.#catchUp())
    this.#document.on('signal', signal => this.#hear(signal))
    this.#document.on('presence', ({ joined }) => this.#meet(joined))
    this.#document.on('ended', ({ error }) => this.#fail(error?.message ?? 'The server has ended the subscription.'))
    this.#snapshots.on('message', message => this.#mergeAll([message]))
  }

  // Edits

  /** Publishes edits: all that come within 60 ms in one message. @param {Edit[]} edits */
  edit(edits) {
    for (const edit of edits) {
      const both = this.#unsent.length > 0 && joined(this.#unsent.at(-1), edit)
      if (both) this.#unsent.splice(-1, 1, both)
      else this.#unsent.push(edit)
    }
    this.#page.changed()
    this.#save()
  }

  /** One message at a time, in order, each until it is confirmed or it is known that no node takes it. */
  async #save() {
    if (this.#isSaving) return
    this.#isSaving = true
    while (!this.isSaved) {
      await pause(BATCH_EVERY)
      this.#sent = firstOf(this.#unsent)
      this.#unsent.splice(0, this.#sent.length)
      await this.#send(this.#sent)
      this.#sent = []
      this.#page.changed()
    }
    this.#isSaving = false
  }

  /** In smaller messages where a node takes none as large. @param {Edit[]} edits */
  async #send(edits) {
    const confirmed = await this.#publish(this.#document, { edits })
    if (confirmed) return this.#confirm(confirmed)
    if (edits.length === 1) return void (this.lost += lettersOf(edits))
    const half = Math.ceil(edits.length / 2)
    await this.#send(edits.slice(0, half))
    await this.#send(edits.slice(half))
  }

  /** Null where the message is too large for the node, which it would be for ever. */
  #publish(channel, data) {
    return this.#persist(() => channel.publish(data, { echo: false }).catch(error => {
      if (error.code === 'too_large') return null
      throw error
    }))
  }

  #confirm({ epoch, offset }) {
    // Without an echo the channel's position does not count one's own messages.
    if (epoch === this.#complete?.epoch && offset === this.#complete?.offset + 1) this.#complete = { epoch, offset }
    // An offset is given once, so one of those who write owes the snapshot.
    if (offset % SNAPSHOT_EVERY === 0 || Date.now() - this.#snapshotAt > OLDEST_SNAPSHOT) this.#oweSnapshot(0)
  }

  #take({ data }) {
    const edits = Array.isArray(data?.edits) ? data.edits.filter(isEdit) : []
    if (edits.length > 0 && lettersOf(edits) <= LARGEST_MESSAGE) this.#page.edited(edits)
    if (!this.#isCatchingUp) this.#complete = this.#document.position
  }

  // What was missed

  #arrived({ epoch, recovered }) {
    this.#epoch = epoch
    if (epoch === undefined) this.#fail('This node keeps no history for the channel. Nodes in --dev do.')
    else if (recovered) this.#arrive()
    else this.#catchUp()
    this.#tellCaret()
    this.#page.changed()
  }

  #arrive() {
    this.loaded = true
    this.#page.changed()
  }

  /** Reads the history from where everything was taken up to now. */
  async #catchUp() {
    this.#isBehind = true
    if (this.#isCatchingUp) return
    this.#isCatchingUp = true
    while (this.#isBehind) {
      this.#isBehind = false
      await this.#persist(() => this.#readHistory())
    }
    this.#isCatchingUp = false
    this.#arrive()
  }

  async #readHistory() {
    let pages = 0
    for (let isAtEnd = false; !isAtEnd; pages++) {
      const from = this.#complete ?? { epoch: this.#epoch, offset: 0 }
      const page = await this.#document.history({ limit: PAGE, since: from })
      if (page.epoch !== from.epoch) await this.#startOver(page.epoch)
      else isAtEnd = this.#readPage(page, from)
    }
    // What has come meanwhile goes on where the last page ended.
    const { position } = this.#document
    if (position && isBefore(this.#complete, position)) this.#complete = position
    if (pages > 2) this.#oweSnapshot(Math.random() * 1000)  // So that the next one has less to read.
    if (this.#complete.offset === 0) this.#ask()
  }

  #readPage({ messages, epoch, offset }, from) {
    if (offset < from.offset) {  // A snapshot has told a position that there has never been: it may lack anything.
      this.#complete = { epoch, offset: 0 }
      return false
    }
    for (const message of messages) this.#take(message)
    if (messages.length > 0 && messages[0].offset > from.offset + 1) this.#ask()
    const end = messages.at(-1)?.offset ?? offset
    this.#complete = { epoch, offset: end }
    return messages.length === 0 || end >= offset
  }

  /** The history has ended and begun anew, and may lack what this page has. */
  async #startOver(epoch) {
    this.#epoch = epoch
    this.#complete = { epoch, offset: 0 }
    await this.#readSnapshots()
    this.#oweSnapshot(Math.random() * 2000)
  }

  // Snapshots

  /** Several: where the history has been lost, each may hold what another lacks. */
  async #readSnapshots() {
    await this.#snapshots.subscribe()
    const { messages } = await this.#snapshots.history({ limit: MOST_PARTS + 4 })
    this.#mergeAll(messages)
  }

  /** The smallest comes first, so that a large one that somebody has made up does not take its room. */
  #mergeAll(messages) {
    const snapshots = messages.map(message => this.#collect(message)).filter(snapshot => snapshot !== null)
    snapshots.sort((a, b) => lettersIn(a.state) - lettersIn(b.state))
    for (const snapshot of snapshots) this.#merge(snapshot)
  }

  /**
   * A snapshot comes in parts, each a message; those of several may be mixed.
   * @returns {Snapshot | null} what is whole now
   */
  #collect({ data }) {
    const { snapshot, part, parts, text, position } = data ?? {}
    if (typeof text !== 'string' || !(part >= 0 && part < parts && parts <= MOST_PARTS)) return null
    const known = this.#parts.get(snapshot) ?? []
    known[part] = text
    this.#parts.set(snapshot, known)
    if (this.#parts.size > MOST_PARTS) this.#parts.delete(this.#parts.keys().next().value)
    if (Object.keys(known).length < parts) return null
    this.#parts.delete(snapshot)
    const whole = known.join(''), state = parsed(whole)
    // Nobody writes an empty one; it would hide what the history has.
    const isGood = isState(state) && state.runs.length > 0 && isPosition(position)
    return isGood ? { text: whole, state, position } : null
  }

  /** @param {Snapshot} snapshot */
  #merge({ text, state, position }) {
    if (!this.#judged.has(text)) {
      const isTaken = this.#page.takes(state, !this.loaded)
      if (isTaken) this.#page.merged(state, !this.loaded)
      this.#judged.set(text, isTaken)
      if (this.#judged.size > MOST_PARTS) this.#judged.delete(this.#judged.keys().next().value)
    }
    if (!this.#judged.get(text)) return  // What it says of its position would hide what the history has, too.
    this.#snapshotText = text
    this.#snapshotAt = Date.now()
    if (this.#complete === null || isBefore(this.#complete, position)) this.#complete = position
  }

  /** Asks the others for what this page cannot find in any history. */
  #ask() {
    if (this.#document.count > 1) this.#document.signal('ask')
  }

  /** Writes a snapshot after a while, at a moment at which everything here is confirmed and nothing is under way. */
  #oweSnapshot(after) {
    if (this.#owesSnapshot) return
    this.#owesSnapshot = true
    this.#snapshotText = ''
    setTimeout(() => this.#paySnapshot(), after)
  }

  async #paySnapshot() {
    const state = this.isSaved && this.isConnected && !this.#isCatchingUp && this.#complete ? this.#page.state() : null
    if (!state) return setTimeout(() => this.#paySnapshot(), 500)
    this.#owesSnapshot = false
    const text = asciiOf(state)
    const parts = partsOf(text)
    // Somebody was faster; or there are too many pieces, and only the history is left.
    if (text === this.#snapshotText || state.runs.length === 0 || parts.length > MOST_PARTS) return
    this.#snapshotAt = Date.now()
    const snapshot = randomName(), position = this.#complete
    for (const [part, text] of parts.entries()) {
      const data = { snapshot, part, parts: parts.length, position, text }
      if (!await this.#publish(this.#snapshots, data)) return  // Only the history is left here, too.
    }
  }

  // People

  /** Shows the others where one is, at most ten times a second. @param {{ from: Id | null, to: Id | null }} caret */
  point(caret) {
    if (JSON.stringify(caret) === JSON.stringify(this.#caret)) return  // It has moved with its letter.
    this.#caret = caret
    this.#tellCaret()
  }

  #tellCaret() {
    this.#caretTimer ??= setTimeout(() => {
      this.#caretTimer = null
      if (this.#caret) this.#document.signal('caret', this.#caret)
    }, CARET_EVERY)
  }

  #hear({ event, data, from, client }) {
    if (event === 'ask') this.#oweSnapshot(Math.random() * 1000)
    if (event === 'caret' && isCaret(data)) this.#page.moved(from ?? client, data)
  }

  /** Signals are not kept, so who is new is told where the others are. */
  #meet(joined) {
    if (joined.length > 0) this.#tellCaret()
    this.#page.changed()
  }

  // Failures

  /** Does something until it succeeds, and says meanwhile why it does not. */
  async #persist(action) {
    for (let hasTold = false; ;) {
      try {
        const result = await action()
        if (hasTold) this.#fail(null)
        return result
      } catch (error) {
        if (error.temporary === undefined) throw error
        // Where only the connection is missing the page shows that by itself.
        hasTold = !error.temporary && !connectionCodes.has(error.code)
        if (hasTold) this.#fail(error.message)
        await pause(RETRY_AFTER)
      }
    }
  }

  #fail(trouble) {
    this.trouble = trouble
    this.#page.changed()
  }
}

const connectionCodes = new Set(['not_connected', 'outcome_unknown', 'closed'])
const pause = time => new Promise(resolve => setTimeout(resolve, time))
const isBefore = (a, b) => a.epoch === b.epoch && a.offset < b.offset
const isPosition = value => typeof value?.epoch === 'string' && Number.isSafeInteger(value.offset) && value.offset >= 0
const isCaret = value => [value?.from, value?.to].every(id => id === null || isId(id))

function parsed(json) {
  try { return JSON.parse(json) } catch { return null }
}

/** As many edits as one message may carry. @param {Edit[]} edits */
function firstOf(edits) {
  let bytes = 0, letters = 0
  const end = edits.findIndex((edit, index) => {
    bytes += new TextEncoder().encode(JSON.stringify(edit)).length
    letters += lettersOf([edit])
    return index > 0 && (bytes > LARGEST_BATCH || letters > LARGEST_MESSAGE)
  })
  return end < 0 ? [...edits] : edits.slice(0, end)
}

/** JSON that can be cut anywhere, and has as many bytes as letters. */
function asciiOf(value) {
  const escaped = letter => '\\u' + letter.charCodeAt(0).toString(16).padStart(4, '0')
  return JSON.stringify(value).replace(/[^ -~]/g, escaped)
}

function partsOf(text) {
  return Array.from({ length: Math.ceil(text.length / PART) }, (_, part) => text.slice(part * PART, (part + 1) * PART))
}
