import { Apus } from '/apus.js'
import { hash, me } from '/demo.js'
import { Carets } from './carets.js'
import { difference } from './difference.js'
import { idsOf, randomName } from './edits.js'
import { People } from './people.js'
import { Room } from './room.js'
import { Text } from './text.js'
import { Undo } from './undo.js'

const SHOW_EVERY = 20      // ms: what many people write is shown together
const TELL_AFTER = 2000    // ms that edits of others are held back before the page says so
const MOST_CARETS = 200    // remembered; anybody may send signals

const $ = id => document.getElementById(id)
const area = $('text'), sheet = document.querySelector('.sheet')
const documentName = nameFrom(hash.get('doc'))

const apus = new Apus(undefined, { user: me() })
const text = new Text(randomName())
const undo = new Undo(text)
const carets = new Carets(sheet)
const people = new People($('people'), goTo)
const room = new Room(apus, documentName, {
  edited: edits => hold(() => edits.forEach(edit => text.apply(edit))),
  takes: (state, isLoading) => text.takes(state, isLoading),
  merged: (state, isLoading) => hold(() => text.merge(state, isLoading)),
  state: () => held.length > 0 ? null : text.state(),
  moved: remember,
  changed: refresh,
})

/** What the textarea holds and `text` too; a difference to `area.value` is what somebody has just typed. */
let shown = ''
let isComposing = false    // by an input method, which loses its place when a program changes the text
let isFirstOfWord = true   // of what is composed
let held = []              // changes by others that neither `text` nor the textarea has yet
let heldSince = 0
let isWaitingToShow = false
/**
 * The carets of others: behind which letters, and where these were last.
 * @typedef {import('./edits.js').Id} Id
 * @typedef {{ from: Id | null, to: Id | null, start?: number, end?: number, movedAt: number }} Caret
 * @type {Map<string, Caret>}
 */
const others = new Map()

// What is typed here.

function readTyped() {
  const { at, removed, inserted } = difference(shown, area.value, area.selectionEnd)
  if (removed === 0 && inserted === '') return
  const after = text.idBefore(at)
  const deleted = text.lettersBetween(at, at + removed)
  const inserts = text.insertAfter(after, inserted)
  const edits = [...text.remove(deleted.map(letter => letter.id)), ...inserts]
  undo.record({ after, inserted: inserts.flatMap(idsOf), deleted }, Date.now(), isComposing && !isFirstOfWord)
  isFirstOfWord = false
  shown = area.value
  carets.copy(shown)
  if (!isComposing) write(String(text))  // Half a letter, if one was pasted, has become another.
  room.edit(edits)
  point()
}

/** @param {'undo' | 'redo'} action */
function revert(action) {
  if (isComposing) return
  const edits = undo[action]()
  const next = String(text), { at, inserted } = difference(shown, next)
  write(next)
  area.setSelectionRange(at + inserted.length, at + inserted.length)
  room.edit(edits)
  point()
}

/** Shows the others where the caret is. */
function point() {
  const [from, to] = [area.selectionStart, area.selectionEnd].map(position => text.idBefore(position))
  room.point(area.selectionDirection === 'backward' ? { from: to, to: from } : { from, to })
}

// What others write.

function hold(change) {
  if (held.length === 0) heldSince = Date.now()
  held.push(change)
  if (!isWaitingToShow) setTimeout(takeHeld, SHOW_EVERY)
  isWaitingToShow = true
}

/** Takes over what others have written. The selection stays at its letters, and these where they are on the screen. */
function takeHeld() {
  isWaitingToShow = false
  if (isComposing) return void setTimeout(refresh, TELL_AFTER)
  readTyped()  // Nothing, as a rule; but positions count in a text that both sides know.
  const selection = [area.selectionStart, area.selectionEnd].map(position => text.idBefore(position))
  const direction = area.selectionDirection, top = topOfCaret()
  for (const change of held.splice(0)) change()
  write(String(text))
  const [start, end] = text.positionsAfter(selection)
  if (start !== area.selectionStart || end !== area.selectionEnd) area.setSelectionRange(start, end, direction)
  if (top !== null) scrollBy(0, carets.place(end).top - top)
  refresh()
}

/** Brings the textarea to a text, by replacing what differs and no more. */
function write(next) {
  const { at, removed, inserted } = difference(shown, next)
  if (next !== area.value) area.setRangeText(inserted, at, at + removed, 'preserve')
  shown = next
  carets.copy(shown)
}

/** Where the caret is on the sheet; null where nobody looks at it. */
function topOfCaret() {
  if (document.activeElement !== area) return null
  const { top } = carets.place(area.selectionEnd), onScreen = top + sheet.getBoundingClientRect().top
  return onScreen > 0 && onScreen < innerHeight ? top : null
}

function remember(who, { from, to }) {
  const { start, end } = others.get(who) ?? {}
  others.delete(who)  // So that the first is the one that has been silent for the longest time.
  others.set(who, { from, to, start, end, movedAt: Date.now() })
  if (others.size > MOST_CARETS) others.delete(others.keys().next().value)
  setTimeout(refresh, 3100)  // Its flag becomes smaller then.
  refresh()
}

// What is shown besides the text: all of it at once, before the next frame.

let isRefreshing = false

function refresh() {
  if (isRefreshing) return
  isRefreshing = true
  requestAnimationFrame(() => {
    isRefreshing = false
    showPeople()
    showState()
    showNotice()
    $('undo').disabled = !undo.canUndo
    $('redo').disabled = !undo.canRedo
    $('count').textContent = counted(text.letters)
  })
}

const counted = letters => letters === 1 ? '1 letter' : `${letters.toLocaleString('en')} letters`

function showPeople() {
  const members = room.people
  findOthers()
  const here = [...others].filter(([who, { end }]) => end !== undefined && (members === null || members.has(who)))
  carets.draw(here.map(([who, { start, end, movedAt }]) => ({ who, start, end, movedAt })))
  const lines = new Map(here.map(([who, { end }]) => [who, lineAt(end)]))
  if (document.activeElement === area) lines.set(me(), lineAt(area.selectionEnd))
  people.show([...members?.keys() ?? []].map(who => ({ who, isMe: who === me(), line: lines.get(who) ?? null })))
  $('crowd').hidden = members !== null
  $('crowd').textContent = room.count ? `${room.count} people: too many for a list.` : 'Nobody is known to be here yet.'
}

/** A caret may be told before the letter that it stands behind: it stays where it was until that has come. */
function findOthers() {
  const all = [...others.values()]
  const positions = text.positionsAfter(all.flatMap(({ from, to }) => [from, to]))
  all.forEach((other, index) => {
    other.start = positions[2 * index] ?? other.start
    other.end = positions[2 * index + 1] ?? other.end
  })
}

function lineAt(position) {
  let line = 1
  for (let end = shown.indexOf('\n'); end >= 0 && end < position; end = shown.indexOf('\n', end + 1)) line++
  return line
}

const states = {
  loading: 'Loading …', saved: 'Saved', saving: 'Saving …', waiting: 'Kept here, not sent yet', failed: 'Not saved',
}

/** "Saved" is said only when the nodes have confirmed it. */
function showState() {
  const state = room.trouble || room.lost ? 'failed'
    : !room.isSaved ? room.isConnected ? 'saving' : 'waiting'
      : room.loaded ? 'saved' : 'loading'
  const previous = $('saved').dataset.state
  onbeforeunload = room.isSaved && !room.lost ? null : event => event.preventDefault()
  if (state === previous) return
  $('saved').dataset.state = state
  $('saved').textContent = states[state]
  // Readers hear of troubles and their end, not of each letter.
  if (state === 'waiting' || state === 'failed') $('told').textContent = states[state]
  if (state === 'saved' && $('told').textContent) $('told').textContent = states[state]
}

function showNotice() {
  const isHeld = isComposing && held.length > 0 && Date.now() - heldSince >= TELL_AFTER
  const notice = room.trouble
    ?? (isHeld ? 'Others have written something. It is shown when your word is finished.' : null)
    ?? (room.lost ? `${counted(room.lost)} could not be sent: too many for one message. Copy your text.` : null)
    ?? (text.isClosed ? 'This document is closed: nothing can be added to it any more. Open another one.' : null)
    ?? (shown.length >= area.maxLength ? 'The text is full: it cannot have more than 10,000 letters.' : '')
  $('notice').hidden = notice === ''
  $('notice').textContent = notice
}

// What people do.

area.addEventListener('input', readTyped)
document.addEventListener('selectionchange', () => { if (document.activeElement === area) point() })
area.addEventListener('focus', refresh)

let endOfWord
area.addEventListener('compositionstart', () => {
  clearTimeout(endOfWord)
  isComposing = isFirstOfWord = true
})
// Browsers do not agree whether the last `input` comes before or after this, and the next word may begin at once.
area.addEventListener('compositionend', () => {
  endOfWord = setTimeout(() => {
    isComposing = false
    takeHeld()
  })
})

// The browser's own undo would take back what others have written.
area.addEventListener('beforeinput', event => {
  if (!event.inputType.startsWith('history')) return
  event.preventDefault()
  revert(event.inputType === 'historyUndo' ? 'undo' : 'redo')
})
area.addEventListener('keydown', event => {
  const key = event.key.toLowerCase()
  if (!(event.ctrlKey || event.metaKey) || event.altKey || key !== 'z' && key !== 'y') return
  event.preventDefault()
  revert(key === 'z' && !event.shiftKey ? 'undo' : 'redo')
})
$('undo').onclick = () => revert('undo')
$('redo').onclick = () => revert('redo')

function goTo(who) {
  const { end } = others.get(who)
  area.focus()
  area.setSelectionRange(end, end)
  scrollTo({ top: scrollY + sheet.getBoundingClientRect().top + carets.place(end).top - innerHeight / 2 })
}

$('copy').onclick = async () => {
  const link = new URL(`#doc=${encodeURIComponent(documentName)}`, location.href).href
  try {
    await navigator.clipboard.writeText(link)
    $('copy').textContent = 'Copied'
  } catch {
    $('copy').textContent = 'Not copied'  // A browser may forbid it; the address is in its bar.
  }
  $('told').textContent = $('copy').textContent
  setTimeout(() => { $('copy').textContent = 'Copy link' }, 2000)
}

/** A name that a channel may have: no white space, no braces; no colon, since one leads to the snapshots. */
function nameFrom(wish) {
  return (wish ?? '').trim().replace(/[\s{}:\p{Cc}]+/gu, '-').slice(0, 60).toWellFormed() || 'welcome'
}

// Another document, or another name, is another page: nothing of this one may get into it.
addEventListener('hashchange', () => location.reload())
$('open').onsubmit = event => {
  event.preventDefault()
  location.hash = `doc=${encodeURIComponent(nameFrom($('name').value))}`
}

hash.set('doc', documentName)
document.title = `${documentName} · Editor · Apus`
$('title').textContent = documentName
const status = document.querySelector('apus-status')
status.client = apus
status.watch(room.channel)
apus.on('state', refresh)
new ResizeObserver(refresh).observe(sheet)
room.open()
