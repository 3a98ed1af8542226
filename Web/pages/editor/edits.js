/**
 * What travels between the editors. Every letter has an id of its own, forever: a counter that is larger than every one
 * its author had seen, and the name of the author's copy of the text. So two letters never share an id, and all copies
 * agree which of two is the larger.
 *
 * @typedef {[counter: number, copy: string]} Id
 * @typedef {[counter: number, copy: string, count: number]} Run  `count` ids, whose counters follow one another
 * @typedef {{ insert: Id, after: Id | null, text: string }} Insert  the first letter's id, and what it stands behind
 * @typedef {{ delete: Run[] }} Delete
 * @typedef {Insert | Delete} Edit
 *
 * A whole text: its letters in their order, as runs of one copy's, where a number counts tombstones; and edits that
 * wait.
 * @typedef {{ copies: string[], runs: [copy: number, counter: number, what: string | number][], early: Edit[] }} State
 */

/** No edit has more letters. With the longest ids that is some 45 KB, and a node takes messages of 64 KiB. */
export const LARGEST_EDIT = 2000
/** No state has more letters, tombstones included: a bad one must not fill the memory. */
const LARGEST_STATE = 1_000_000

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

/**
 * One edit in the place of two, or null: what was typed letter by letter travels as words.
 * @param {Edit} first @param {Edit} second @returns {Edit | null}
 */
export function joined(first, second) {
  if (first.delete && second.delete) {
    const ids = [...first.delete, ...second.delete].flatMap(run => idsFrom(run, run[2]))
    return ids.length > LARGEST_EDIT ? null : { delete: runsOf(ids) }
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
  if (Array.isArray(value?.delete)) {
    return value.delete.every(isRun) && value.delete.reduce((sum, run) => sum + run[2], 0) <= LARGEST_EDIT
  }
  if (!isId(value?.insert) || !isText(value.text) || [...value.text].length > LARGEST_EDIT) return false
  // A letter is younger than what it stands behind; the order of the text rests on it.
  return value.after === null || isId(value.after) && value.insert[0] > value.after[0]
}

/** @param {unknown} value @returns {value is State} */
export function isState(value) {
  const isPart = part => Array.isArray(part) && isId([part[1], value.copies[part[0]]])
    && (isText(part[2]) || isCounter(part[2]))
  const count = part => typeof part[2] === 'number' ? part[2] : part[2].length
  return Array.isArray(value?.copies) && Array.isArray(value.runs) && value.runs.every(isPart)
    && value.runs.reduce((sum, part) => sum + count(part), 0) <= LARGEST_STATE
    && Array.isArray(value.early) && value.early.every(isEdit)
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
const isCounter = value => Number.isSafeInteger(value) && value > 0
const isCopy = value => typeof value === 'string' && /^[\w-]{1,16}$/.test(value)
