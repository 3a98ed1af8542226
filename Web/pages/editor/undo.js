import { idsOf, keyOf } from './edits.js'

/** Edits of one kind that go on at one place within this time are one step. */
const STEP = 1000
const MOST_STEPS = 200

/**
 * Takes back what this copy did, and only that. What one has written is deleted where it still stands; what one has
 * deleted comes back as new letters, behind the tombstones of the old. What others have written is never touched.
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
  /** Which letter has come back in the place of a deleted one. @type {Map<string, Id>} */
  #renewed = new Map()

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
    const deleted = this.#text.visible(step.inserted.map(id => this.#newest(id)))
    const edits = this.#text.remove(deleted.map(letter => letter.id))
    const inserted = []
    for (const group of this.#groups(step.deleted)) {
      const inserts = this.#text.insertAfter(group[0].id, group.map(letter => letter.text).join(''))
      const ids = inserts.flatMap(idsOf)
      group.forEach((letter, index) => this.#renewed.set(keyOf(letter.id), ids[index]))
      inserted.push(...ids)
      edits.push(...inserts)
    }
    return { edits, inserted, deleted }
  }

  #newest(id) {
    for (let next; (next = this.#renewed.get(keyOf(id)));) id = next
    return id
  }

  /**
   * Letters that are to come back, in groups that can be one insert. Only what stands side by side, tombstones counted,
   * is a group: one of those between may have to come back later.
   * @param {Letter[]} letters @returns {Letter[][]}
   */
  #groups(letters) {
    const newest = letters.map(({ id, text }) => ({ id: this.#newest(id), text }))
    const lost = new Map(newest.map(letter => [keyOf(letter.id), letter]))
    for (const { id } of this.#text.visible(newest.map(letter => letter.id))) lost.delete(keyOf(id))
    const behind = ({ id }) => {
      const next = this.#text.idBehind(id)
      return next && lost.get(keyOf(next))
    }
    const followers = new Set([...lost.values()].map(behind))
    return [...lost.values()].filter(letter => !followers.has(letter)).map(first => {
      const group = []
      for (let letter = first; letter; letter = behind(letter)) group.push(letter)
      return group
    })
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
