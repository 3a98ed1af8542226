import {
  CLOSED_FROM, LARGEST_EDIT, LARGEST_TEXT, LAST_TURN, MOST_BY_STATES, MOST_WAITING, cleaned, countOf, idsFrom, idsOf,
  isLarger, keyOf, lettersOf, turnOf, turnsOf,
} from './edits.js'

/**
 * A text that many people write at once. It does no I/O: edits of this copy are returned, those of others are applied.
 * Copies that have applied the same edits hold the same text, whatever the order, and however often each one came; but
 * not in a flood that is larger than a text may be (`LARGEST_TEXT`).
 *
 * It is a list of letters (a "replicated growable array"). A new letter goes right behind the one that it was typed
 * behind, and skips what stands there with a larger id; so all copies put letters that were typed at one place into one
 * order. A deleted letter stays in the list as a tombstone, since others may be typing behind it, and since an undo may
 * bring it back.
 *
 * @typedef {import('./edits.js').Id} Id
 * @typedef {import('./edits.js').Edit} Edit
 * @typedef {import('./edits.js').State} State
 * @typedef {{ id: Id, text: string, turn: number, next: Item | null }} Item  a tombstone has no text
 * @typedef {{ id: Id, text: string }} Letter
 */
export class Text {
  /** @type {Map<string, Item>} */
  #items = new Map()
  /** @type {Item | null} */
  #first = null
  // What came too early: inserts, by the letter that they stand behind, and the turns of letters that have not come.
  /** @type {Map<string, Map<string, import('./edits.js').Insert>>} */
  #inserts = new Map()
  /** @type {Map<string, { id: Id, turn: number, text: string }>} */
  #turns = new Map()
  #insertedEarly = 0  // letters of the inserts
  #counter = 0
  #hasState = false
  #byStates = 0  // letters that states have brought, but for the first of who had just come

  /** @param {string} copy names this copy among all there are: at most 16 letters, never used twice */
  constructor(copy) {
    this.copy = copy
    /** How many letters can be seen. */
    this.letters = 0
  }

  toString() {
    let text = ''
    for (let item = this.#first; item; item = item.next) text += item.text
    return text
  }

  // Where letters are. Positions count as strings and textareas do: in UTF-16 units.

  /** The letter that ends at a position; null is the beginning. @returns {Id | null} */
  idBefore(position) {
    if (position <= 0) return null
    let last = null
    for (let item = this.#first; item; item = item.next) {
      if (item.text === '') continue
      last = item.id
      position -= item.text.length
      if (position <= 0) break
    }
    return last
  }

  /**
   * Where letters end, or ended before they were deleted; null for letters that have not come yet. All in one walk.
   * @param {(Id | null)[]} ids @returns {(number | null)[]}
   */
  positionsAfter(ids) {
    const items = ids.map(id => id && this.#items.get(keyOf(id)))
    const ends = new Map(items.map(item => [item, null]))
    let position = 0
    for (let item = this.#first; item; item = item.next) {
      position += item.text.length
      if (ends.has(item)) ends.set(item, position)
    }
    return items.map(item => item === null ? 0 : ends.get(item))
  }

  /** @returns {Letter[]} */
  lettersBetween(start, end) {
    const letters = []
    let position = 0
    for (let item = this.#first; item && position < end; item = item.next) {
      if (item.text !== '' && position >= start) letters.push({ id: item.id, text: item.text })
      position += item.text.length
    }
    return letters
  }

  /** Those that can be seen, of some. @param {Id[]} ids @returns {Letter[]} */
  visible(ids) {
    return ids.map(id => this.#items.get(keyOf(id))).filter(item => item?.text).map(({ id, text }) => ({ id, text }))
  }

  // Edits of this copy. They have happened here when they are returned, and are to be sent to the others.

  /** How many letters it has taken: deleted ones and those that wait, too. */
  get size() {
    return this.#items.size + this.#insertedEarly
  }

  /**
   * Whether no letters can be added here any more: it has too many, or ids have run out. Nobody types for that long;
   * but anybody may send a letter with the last of them.
   */
  get isClosed() {
    return this.size >= CLOSED_FROM || this.#counter > Number.MAX_SAFE_INTEGER - LARGEST_EDIT
  }

  /** Returns no edits of letters that a closed text does not take. @param {Id | null} after @param {string} text @returns {import('./edits.js').Insert[]} */
  insertAfter(after, text) {
    const letters = [...cleaned(text)]
    const edits = []
    for (let start = 0; start < letters.length && !this.isClosed; start += LARGEST_EDIT) {
      const part = letters.slice(start, start + LARGEST_EDIT)
      const edit = { insert: [this.#counter + 1, this.copy], after, text: part.join('') }
      this.apply(edit)
      edits.push(edit)
      after = [this.#counter, this.copy]
    }
    return edits
  }

  /** Deletes letters, unless they are. @param {Id[]} ids */
  remove(ids) {
    return this.#turn(this.visible(ids).map(({ id }) => ({ id, text: '' })))
  }

  /** Brings deleted letters back to where they were, unless somebody else has. @param {Letter[]} letters */
  restore(letters) {
    return this.#turn(letters.filter(({ id }) => this.#items.get(keyOf(id))?.text === ''))
  }

  #turn(letters) {
    const turned = letters.map(({ id, text }) => ({ id, text, turn: this.#items.get(keyOf(id)).turn + 1 }))
    const edits = turnsOf(turned.filter(({ turn }) => turn <= LAST_TURN))
    for (const edit of edits) this.apply(edit)
    return edits
  }

  /** Takes an edit of whatever copy, if there is room for it. @param {Edit} edit */
  apply(edit) {
    if (!edit.insert) return this.#applyTurn(edit)
    if (this.#unknown([runOf(edit)], LARGEST_TEXT) > LARGEST_TEXT - this.size) return
    const ready = [edit]
    for (let next; (next = ready.pop());) {
      const after = next.after && this.#items.get(keyOf(next.after))
      if (next.after && !after) this.#keep(next)
      else this.#insert(next, after, ready)
    }
  }

  /** How many letters of some runs are not in the list; beyond `most` it counts no further. */
  #unknown(runs, most) {
    let count = 0
    for (const [first, copy, size] of runs) {
      for (let counter = first; counter < first + size && count <= most; counter++) {
        if (!this.#items.has(keyOf([counter, copy]))) count++
      }
    }
    return count
  }

  #applyTurn({ turn, text = '', ...runs }) {
    const letters = [...text]
    const ids = (runs.delete ?? runs.restore).flatMap(run => idsFrom(run, run[2]))
    ids.forEach((id, index) => {
      const key = keyOf(id), item = this.#items.get(key) ?? this.#turns.get(key)
      if (!item) this.#turns.set(key, { id, turn, text: letters[index] ?? '' })
      else this.#settle(item, turn, letters[index] ?? '')
    })
    for (const key of this.#turns.keys()) {
      if (this.#turns.size <= MOST_WAITING) break
      this.#turns.delete(key)
    }
  }

  #insert(edit, left, ready) {
    const ids = idsOf(edit)
    const letters = [...edit.text]
    ids.forEach((id, index) => { left = this.#place(id, 0, letters[index], left, ready) })
  }

  /** Puts a letter into the list, once. `ready` gets the edits that have waited for it. @returns {Item} */
  #place(id, turn, text, left, ready) {
    const key = keyOf(id)
    const known = this.#items.get(key)
    if (known) return this.#settle(known, turn, text)
    let next = left ? left.next : this.#first
    while (next && isLarger(next.id, id)) {
      left = next
      next = next.next
    }
    const item = { id, text: '', turn: -1, next }
    if (left) left.next = item
    else this.#first = item
    this.#items.set(key, item)
    this.#counter = Math.max(this.#counter, id[0])
    this.#settle(item, turn, text)
    const early = this.#turns.get(key)
    if (early) this.#settle(item, early.turn, early.text)
    this.#turns.delete(key)
    ready.push(...this.#takeEarly(key))
    return item
  }

  /** The largest turn counts, whatever came first. */
  #settle(item, turn, text) {
    if (turn <= item.turn) return item
    if (this.#items.get(keyOf(item.id)) === item) this.letters += Math.sign(text.length) - Math.sign(item.text.length)
    return Object.assign(item, { turn, text })
  }

  #keep(edit) {
    const key = keyOf(edit.after)
    if (!this.#inserts.has(key)) this.#inserts.set(key, new Map())
    const waiting = this.#inserts.get(key), known = waiting.get(keyOf(edit.insert))
    waiting.set(keyOf(edit.insert), edit)
    this.#insertedEarly += lettersOf([edit]) - lettersOf(known ? [known] : [])
    for (const oldest of this.#inserts.keys()) {
      if (this.#insertedEarly <= MOST_WAITING) break
      this.#takeEarly(oldest)
    }
  }

  /** The inserts that wait for a letter; they wait no longer. @returns {import('./edits.js').Insert[]} */
  #takeEarly(key) {
    const inserts = [...this.#inserts.get(key)?.values() ?? []]
    this.#inserts.delete(key)
    this.#insertedEarly -= lettersOf(inserts)
    return inserts
  }

  // The whole as one value, for those who come later.

  /** Letters in their order, and what waits. Of a tombstone only its place is kept. @returns {State} */
  state() {
    const copies = new Map(), runs = []
    let size = 0
    for (let item = this.#first; item; item = item.next) {
      const [counter, copy] = item.id
      if (!copies.has(copy)) copies.set(copy, copies.size)
      const last = runs.at(-1)
      if (last?.[0] === copies.get(copy) && last[1] + size === counter && turnOf(last) === item.turn) {
        last[2] += item.text || 1
        size++
      } else {
        runs.push([copies.get(copy), counter, item.text || 1, ...(item.turn > 1 ? [item.turn] : [])])
        size = 1
      }
    }
    return { copies: [...copies.keys()], runs, early: this.#early() }
  }

  #early() {
    return [...[...this.#inserts.values()].flatMap(each => [...each.values()]), ...turnsOf([...this.#turns.values()])]
  }

  /**
   * Whether `merge` would take over a state.
   * @param {State} state @param {boolean} [isLoading] whether the text has not come yet
   */
  takes(state, isLoading = false) {
    return this.#newIn(state, isLoading) <= this.#roomFor(isLoading)
  }

  #newIn({ copies, runs, early }, isLoading) {
    const inserts = early.filter(edit => edit.insert).map(runOf)
    const letters = runs.map(part => [part[1], copies[part[0]], countOf(part)])
    return this.#unknown([...letters, ...inserts], this.#roomFor(isLoading))
  }

  #isFirst(isLoading) {
    return !this.#hasState && (isLoading || this.size === 0)
  }

  #roomFor(isLoading) {
    const room = LARGEST_TEXT - this.size
    return this.#isFirst(isLoading) ? room : Math.min(room, MOST_BY_STATES - this.#byStates)
  }

  /**
   * Takes over what another copy held, if there is room for all of it. A letter that is new here goes behind its left
   * neighbour there: what stands between the two, in a text that has both, came with larger ids, so it is skipped as it
   * is for an insert.
   * @param {State} state @param {boolean} [isLoading]
   */
  merge(state, isLoading = false) {
    const brought = this.#newIn(state, isLoading)
    if (brought > this.#roomFor(isLoading)) return
    if (!this.#isFirst(isLoading)) this.#byStates += brought
    this.#hasState = true
    const { copies, runs, early } = state
    const ready = []
    let left = null
    for (const part of runs) {
      const [copy, counter, what] = part
      const letters = typeof what === 'string' ? [...what] : Array(what).fill('')
      idsFrom([counter, copies[copy]], letters.length).forEach((id, index) => {
        left = this.#place(id, turnOf(part), letters[index], left, ready)
      })
    }
    for (const edit of [...ready, ...early]) this.apply(edit)
  }
}

/** @param {import('./edits.js').Insert} edit @returns {import('./edits.js').Run} */
const runOf = edit => [...edit.insert, lettersOf([edit])]
