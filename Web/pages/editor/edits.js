/**
 * What travels between the editors. Every letter has an id of its own, forever: a counter that is larger than every one
 * its author had seen, and the name of the author's copy of the text. So two letters never share an id, and all copies
 * agree which of two is the larger.
 *
 * @typedef {[counter: number, copy: string]} Id
 * @typedef {[counter: number, copy: string, count: number]} Run  `count` ids, whose counters follow one another
 * @typedef {{ insert: Id, after: Id | null, text: string }} Insert  the first letter's id, and what it stands behind
 * @typedef {{ delete: Run[], turn: number }} Delete
 * @typedef {{ restore: Run[], turn: number, text: string }} Restore  by an undo
 * @typedef {Insert | Delete | Restore} Edit
 *
 * A letter's turn counts how often it was deleted and brought back, so it is there while that is even. The largest turn
 * that has come counts: where two delete a letter at once, or bring it back at once, it has happened once.
 *
 * A whole text: its letters in their order, as runs of one copy's, where a number counts tombstones; and edits that
 * wait. A turn stands there where it is more than 0 of letters, or 1 of tombstones.
 * @typedef {[copy: number, counter: number, what: string | number, turn?: number]} Part
 * @typedef {{ copies: string[], runs: Part[], early: Edit[] }} State
 */

/** No edit has more letters. */
export const LARGEST_EDIT = 1500
/**
 * No edit that is made here deletes or brings back more letters. Each may have an id of 40 bytes in a run of its own,
 * and 6 bytes of text: some 46 KB, and a node takes messages of 64 KiB.
 */
const LARGEST_TURN = 1000
/** No message has more letters, of all its edits together: as many as a document. Who has more sends two messages. */
export const LARGEST_MESSAGE = 10_000
/**
 * No copy keeps more letters of inserts that came too early, nor more early turns; what has waited longest goes.
 * A node delivers a channel's messages in order. So what people write waits only while a history is read and new
 * messages come meanwhile, and a document has 10,000 letters at most: all of them may be deleted in that moment, twice.
 * Where more comes in it, copies may differ until somebody writes a snapshot; a tab that is frozen would be worse.
 */
export const MOST_WAITING = 20_000
/** The last turn is a deletion: nobody can make letters that stay for ever. */
export const LAST_TURN = 999
/**
 * No text takes more letters, deleted ones and those that wait included, so no page's memory can be filled. No state
 * has more, so everybody takes the snapshot of any text. What would be too much is not taken: a whole edit, or a whole
 * state.
 *
 * Copies that got something in another order may then refuse something else, and differ in it. To keep the smallest
 * ids would make them equal; but ids can be made up, and would push out what people wrote. So a text that is full keeps
 * what it has, and typing ends long before (below): copies of people who write together never come here. Only a flood
 * does.
 */
export const LARGEST_TEXT = 200_000
/** From here on a text is closed for letters that are typed; what others have typed meanwhile still fits everywhere. */
export const CLOSED_FROM = 150_000
/**
 * So many letters may come to a text by states instead of edits: as tombstones, any number is told in 20 bytes. An
 * honest state brings little that is new, for the edits in it come as well. So a text of less than half of what closes
 * it stays open, whatever states come. The first state of who has just come is all there is of the text, and may be
 * large.
 */
export const MOST_BY_STATES = 75_000

/** A name such as no one else has, of at most 14 letters. Without HTTPS there is no `randomUUID`. */
export function randomName() {
  return Array.from(crypto.getRandomValues(new Uint32Array(2)), part => part.toString(36)).join('')
}

/** @param {Id} id */
export const keyOf = ([counter, copy]) => `${counter} ${copy}`

/** @param {Id} a @param {Id} b */
export const isLarger = (a, b) => a[0] === b[0] ? a[1] > b[1] : a[0] > b[0]

/** @param {Id | Run} first @returns {Id[]} */
export const idsFrom = ([counter, copy], count) => Array.from({ length: count }, (_, index) => [counter + index, copy])

/** The ids of letters that an insert brings. @param {Insert} edit */
export const idsOf = ({ insert, text }) => idsFrom(insert, [...text].length)

/** Ids as runs, in the same order. @param {Id[]} ids @returns {Run[]} */
export function runsOf(ids) {
  const runs = []
  for (const [counter, copy] of ids) {
    const last = runs.at(-1)
    if (last && last[1] === copy && last[0] + last[2] === counter) last[2]++
    else runs.push([counter, copy, 1])
  }
  return runs
}

/** Edits that give letters their turns. @param {{ id: Id, turn: number, text: string }[]} letters */
export function turnsOf(letters) {
  const byTurn = new Map()
  for (const letter of letters) byTurn.set(letter.turn, byTurn.get(letter.turn) ?? []).get(letter.turn).push(letter)
  const edits = []
  for (const [turn, all] of byTurn) {
    for (let start = 0; start < all.length; start += LARGEST_TURN) {
      const part = all.slice(start, start + LARGEST_TURN), runs = runsOf(part.map(({ id }) => id))
      const text = part.map(letter => letter.text).join('')
      edits.push(isThere(turn) ? { restore: runs, turn, text } : { delete: runs, turn })
    }
  }
  return edits
}

/**
 * One edit in the place of two, or null: what was typed letter by letter travels as words.
 * @param {Edit} first @param {Edit} second @returns {Edit | null}
 */
export function joined(first, second) {
  if (first.delete && second.delete && first.turn === second.turn) {
    const ids = [...first.delete, ...second.delete].flatMap(run => idsFrom(run, run[2]))
    return ids.length > LARGEST_TURN ? null : { ...first, delete: runsOf(ids) }
  }
  if (!first.insert || !second.insert || !second.after) return null
  const [counter, copy] = first.insert
  const end = counter + [...first.text].length
  const goesOn = keyOf(second.after) === keyOf([end - 1, copy]) && keyOf(second.insert) === keyOf([end, copy])
  const isSmall = end + [...second.text].length - counter <= LARGEST_EDIT
  return goesOn && isSmall ? { ...first, text: first.text + second.text } : null
}

/**
 * Whether something that came is an edit. Anybody may publish in a channel of a demo, and one bad edit must not
 * make the copies differ: each of them takes it, or none does.
 * @param {unknown} value @returns {value is Edit}
 */
export function isEdit(value) {
  // One that is of two kinds would be checked as the one and applied as the other.
  if (['insert', 'delete', 'restore'].filter(kind => value?.[kind] !== undefined).length !== 1) return false
  if (value.delete) {
    const isOdd = isTurn(value.turn) && !isThere(value.turn)
    return isOdd && value.text === undefined && sizeOf(value.delete) <= LARGEST_EDIT
  }
  if (value.restore) {
    const size = sizeOf(value.restore)
    const isWhole = isText(value.text) && [...value.text].length === size
    return isTurn(value.turn) && isThere(value.turn) && size <= LARGEST_EDIT && isWhole
  }
  if (!isId(value.insert) || !isText(value.text)) return false
  const size = [...value.text].length
  if (size > LARGEST_EDIT || !isExact(value.insert[0], size)) return false
  // A letter is younger than what it stands behind; the order of the text rests on it.
  return value.after === null || isId(value.after) && value.insert[0] > value.after[0]
}

/** @param {unknown} value @returns {value is State} */
export function isState(value) {
  const isPart = part => Array.isArray(part) && isId([part[1], value.copies[part[0]]])
    && (part[3] === undefined || isTurn(part[3]))
    && (isThere(turnOf(part)) ? isText(part[2]) : isCounter(part[2])) && isExact(part[1], countOf(part))
  return Array.isArray(value?.copies) && Array.isArray(value.runs) && value.runs.every(isPart)
    && lettersIn(value) <= LARGEST_TEXT
    && Array.isArray(value.early) && value.early.every(isEdit) && lettersOf(value.early) <= 2 * MOST_WAITING
}

/** How many letters there are in the runs of a state, tombstones included. @param {State} state */
export const lettersIn = ({ runs }) => runs.reduce((sum, part) => sum + countOf(part), 0)

/** Of a part of a state. @param {Part} part */
export const countOf = ([, , what]) => typeof what === 'number' ? what : [...what].length

/** Of a part of a state. @param {Part} part */
export const turnOf = ([, , what, turn]) => turn ?? (typeof what === 'string' ? 0 : 1)

/** Whether letters of that turn can be seen. */
export const isThere = turn => turn % 2 === 0

/** How many letters edits bring, delete and bring back. @param {Edit[]} edits */
export function lettersOf(edits) {
  const size = edit => edit.insert ? [...edit.text].length : sizeOf(edit.delete ?? edit.restore)
  return edits.reduce((sum, edit) => sum + size(edit), 0)
}

/** How many ids there are in runs; NaN where something else is among them. */
function sizeOf(runs) {
  return Array.isArray(runs) ? runs.reduce((sum, run) => sum + (isRun(run) ? run[2] : NaN), 0) : NaN
}

/** Not empty, without halves of letters, and with line ends as a textarea has them. */
function isText(value) {
  return typeof value === 'string' && value !== '' && value.isWellFormed() && !value.includes('\r')
}

/** What has been typed or pasted, as a text may hold it. @param {string} text */
export const cleaned = text => text.toWellFormed().replace(/\r\n?/g, '\n')

/** @returns {value is Id} */
export const isId = value => Array.isArray(value) && value.length === 2 && isCounter(value[0]) && isCopy(value[1])
const isRun = value => Array.isArray(value) && value.length === 3 && isId(value.slice(0, 2)) && isCounter(value[2])
  && isExact(value[0], value[2])
/** Whether the last of letters has a counter of its own, too: larger numbers have no neighbours. */
const isExact = (counter, count) => isCounter(counter - 1 + count)
const isTurn = value => isCounter(value) && value <= LAST_TURN
const isCounter = value => Number.isSafeInteger(value) && value > 0
const isCopy = value => typeof value === 'string' && /^[\w-]{1,16}$/.test(value)
