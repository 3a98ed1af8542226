import { keyOf } from './edits.js'

/** Edits of one kind that go on at one place within this time are one step. */
const STEP = 1000
const MOST_STEPS = 200

/**
 * Takes back what this copy did, and only that. What one has written is deleted where it still stands; what one has
 * deleted comes back where it was, and once, though others may have deleted it too. What others have written is never
 * touched.
 *
 * @typedef {import('./edits.js').Id} Id
 * @typedef {import('./text.js').Letter} Letter
 * @typedef {{ inserted: Id[], deleted: Letter[], at: number }} Step
 */
export class Undo {
  #text
  /** @type {Step[]} */
  #done = []
  /** @type {Step[]} */
  #undone = []
  /** The letter that the last edit has ended behind. @type {Id | null | undefined} */
  #place

  /** @param {import('./text.js').Text} text */
  constructor(text) {
    this.#text = text
  }

  get canUndo() { return this.#done.length > 0 }
  get canRedo() { return this.#undone.length > 0 }

  /**
   * Remembers an edit that has been made, behind the letter `after`.
   * @param {{ after: Id | null, inserted: Id[], deleted: Letter[] }} edit @param {number} now in milliseconds
   * @param {boolean} [goesOn] belongs to the step before in any case
   */
  record({ after, inserted, deleted }, now, goesOn = false) {
    this.#undone = []
    const last = this.#done.at(-1)
    const isThere = isSame(after, this.#place) || isSame(deleted.at(-1)?.id, this.#place)
    this.#place = inserted.at(-1) ?? after
    if (!last || !(goesOn || isThere && now - last.at < STEP && isOneKind(last, { inserted, deleted }))) {
      this.#done.push({ inserted, deleted, at: now })
      if (this.#done.length > MOST_STEPS) this.#done.shift()
      return
    }
    // A letter that came and went within a step was never there.
    const gone = new Set(deleted.map(letter => keyOf(letter.id)))
    const came = new Set(last.inserted.map(keyOf))
    last.inserted = [...last.inserted.filter(id => !gone.has(keyOf(id))), ...inserted]
    last.deleted = [...last.deleted, ...deleted.filter(letter => !came.has(keyOf(letter.id)))]
    last.at = now
    if (last.inserted.length + last.deleted.length === 0) this.#done.pop()
  }

  /** @returns {import('./edits.js').Edit[]} edits for the others */
  undo() {
    return this.#revert(this.#done, this.#undone)
  }

  /** @returns {import('./edits.js').Edit[]} */
  redo() {
    return this.#revert(this.#undone, this.#done)
  }

  /** Steps that others have made void already are passed over. */
  #revert(from, to) {
    let edits = []
    while (edits.length === 0 && from.length > 0) {
      const { edits: made, inserted, deleted } = this.#reverse(from.pop())
      edits = made
      if (edits.length > 0) to.push({ inserted, deleted, at: -Infinity })  // What is written next is a step of its own.
    }
    return edits
  }

  #reverse(step) {
    const deleted = this.#text.visible(step.inserted)
    const there = new Set(this.#text.visible(step.deleted.map(letter => letter.id)).map(letter => keyOf(letter.id)))
    const lost = step.deleted.filter(letter => !there.has(keyOf(letter.id)))
    const edits = [...this.#text.remove(deleted.map(letter => letter.id)), ...this.#text.restore(lost)]
    return { edits, inserted: lost.map(letter => letter.id), deleted }
  }
}

/** The beginning, `null`, is a place, too; `undefined` is none. */
function isSame(a, b) {
  return a && b ? keyOf(a) === keyOf(b) : a === null && b === null
}

function isOneKind(a, b) {
  const writes = edit => edit.inserted.length > 0, deletes = edit => edit.deleted.length > 0
  return writes(a) === writes(b) && deletes(a) === deletes(b) && writes(a) !== deletes(a)
}
