import { Apus } from '/apus.js'
import { hash, listed, me, rename } from '/demo.js'
import { Room } from './room.js'
import { showPeople, showRooms, showThreads } from './side.js'
import { Thread } from './thread.js'
import { commandFor, labelOf, noticeOf, roomFrom, textOf } from './words.js'

const MOST_THREADS = 50    // anybody may write to us, by any name

const $ = id => document.getElementById(id)
const main = document.querySelector('main')

const client = new Apus(undefined, { user: me() })
const status = document.querySelector('apus-status')
status.client = client

/** @type {Map<string, Room>} */
const rooms = new Map()
/** @type {Map<string, Thread>} */
const threads = new Map()
/** @type {Room | Thread} the one that is shown */
let current
/** @type {Room} the last one shown: where Escape leads from a thread */
let room

/** @type {import('./conversation.js').Page} */
const page = {
  isShown: one => one === current,
  scrolled: showNewer,
  counted: () => {
    showNewer()
    showConversations()
  },
  filled: showEmpty,
  typing: showTyping,
  peopled: showWho,
  answered: focusText,
}

// Conversations

function openRoom(name) {
  if (!rooms.has(name)) add(rooms, new Room(name, client, page))
  room = rooms.get(name)
  status.watch(room.channel, room.left)
  room.enter()
  hash.set('room', name)
  show(room)
}

function threadWith(user) {
  if (!threads.has(user) && threads.size >= MOST_THREADS) dropThread()
  return threads.get(user) ?? add(threads, new Thread(user, client, page))
}

/** The oldest goes: first of those that have been read, then of those that we have not written in. */
function dropThread() {
  const all = [...threads.values()].filter(thread => thread !== current)
  const others = all.filter(thread => !thread.isOurs && thread.draft === '')
  const dropped = others.find(thread => thread.unread === 0) ?? others[0] ?? all[0]
  threads.delete(dropped.name)
  dropped.log.element.remove()
}

function add(conversations, made) {
  conversations.set(made.name, made)
  $('logs').append(made.log.element)
  return made
}

function leave() {
  const left = current
  if (left === room) {
    left.leave()
    rooms.delete(left.name)
    openRoom(rooms.keys().next().value)
  } else {
    threads.delete(left.name)
    show(room)
  }
  left.log.element.remove()
  focusText()
}

/** Other pages tell a user things in the same way, and name themselves by `page`. */
client.on('direct', ({ from, data, ts }) => {
  if (from === me() || (data?.page ?? 'chat') !== 'chat') return
  if (from === null) return current.log.addLine(`A guest writes to you: ${textOf({ data })}`, 'notice')
  const thread = threadWith(from)
  thread.take({ from, data, ts })
  if (thread !== current) $('told').textContent = `${from} writes to you`
  showConversations()
})
client.on('notification', ({ data }) => current.log.addLine(`Notification: ${noticeOf(data)}`, 'notice'))
client.on('error', error => current.log.addLine(error.message, 'bad'))
client.on('state', ({ previous }) => {
  if (previous === 'connected') for (const each of rooms.values()) each.lost()
})

// What is shown

function show(conversation) {
  if (current) {
    current.draft = $('text').value
    current.log.element.hidden = true
  }
  current = conversation
  current.log.element.hidden = false
  $('text').value = current.draft
  $('title').textContent = current === room ? `# ${current.name}` : current.name
  $('leave').textContent = current === room ? 'Leave' : 'Close'
  if (current.unread) current.log.scrollToUnread()
  else current.log.scrollToEnd(true)
  current.look()
  openPanel('')
  showConversations()
  showWho()
  showTyping()
  showEmpty()
}

function showNewer() {
  const { unread, log } = current
  $('newer').hidden = unread === 0 || log.isFollowing
  $('newer').textContent = unread === 1 ? '1 new message' : `${unread} new messages`
}

let isListing = false

/** The title at once, since a tab in the background has no frames; the lists before the next frame. */
function showConversations() {
  const all = [...rooms.values(), ...threads.values()].reduce((sum, { unread }) => sum + unread, 0)
  document.title = `${all ? `(${all}) ` : ''}${current.name} · ${me()} · Apus`
  if (isListing) return
  isListing = true
  requestAnimationFrame(() => {
    isListing = false
    listConversations()
  })
}

function listConversations() {
  showRooms($('rooms'), [...rooms.values()], current, andWrite(openRoom))
  showThreads($('threads'), [...threads.values()], current, andWrite(openThread))
  $('private').hidden = threads.size === 0
  $('leave').hidden = current === room && rooms.size === 1
  const others = [...rooms.values(), ...threads.values()].filter(each => each !== current)
  const elsewhere = others.reduce((sum, { unread }) => sum + unread, 0)
  $('elsewhere').hidden = elsewhere === 0
  $('elsewhere').textContent = `${elsewhere} new`
}

const openThread = user => show(threadWith(user))

const andWrite = open => name => {
  open(name)
  focusText()
}

function showWho() {
  const { count } = room.channel
  showPeople($('people'), room.channel, andWrite(openThread))
  $('count').textContent = count === null ? 'People' : count === 1 ? '1 person' : `${count} people`
  const here = count === null ? 'Connecting …' : count === 1 ? 'Only you are here' : `${count} people here`
  $('subtitle').textContent = current === room ? here : 'Private'
}

function showTyping() {
  const names = current.typists.map(labelOf)
  $('typing').textContent = names.length ? `${listed(names)} ${names.length === 1 ? 'is' : 'are'} typing …` : ''
}

/** An empty room says what to do. */
function showEmpty() {
  $('empty').hidden = current !== room || !room.isEmpty
  if ($('empty').hidden) return
  $('publish').textContent = commandFor(room.channel.name)
  $('second').href = `#${new URLSearchParams({ room: room.name })}`
}

/** On a phone the lists are panels, which cover the log: `rooms`, `people`, or none. */
function openPanel(name) {
  main.dataset.panel = name
  for (const button of document.querySelectorAll('.opens-panel')) {
    button.ariaExpanded = String(button.dataset.opens === name)
  }
}

// What people do

/** On a phone that would bring up the keyboard, which hides half of the log. */
function focusText() {
  if (matchMedia('(pointer: coarse)').matches) current.log.element.focus()
  else $('text').focus()
}

$('write').onsubmit = event => {
  event.preventDefault()
  const text = $('text').value.trim()
  $('text').value = ''
  $('text').focus()
  if (text) current.say(text)
}

$('text').oninput = () => {
  if ($('text').value && current === room) room.channel.typing()
}

// Enter also ends the choice of a word in an input method, and must not send then.
$('text').onkeydown = event => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  event.preventDefault()
  $('write').requestSubmit()
}

addEventListener('keydown', event => {
  if (event.key !== 'Escape' || event.isComposing || $('rename').open) return
  const { panel } = main.dataset
  if (panel) {
    openPanel('')
    document.querySelector(`[data-opens=${panel}]`).focus()
  } else if (current !== room) {
    show(room)
    focusText()
  }
})

for (const button of document.querySelectorAll('.opens-panel')) {
  button.onclick = () => openPanel(button.ariaExpanded === 'true' ? '' : button.dataset.opens)
}

const openAddressed = () => openRoom(roomFrom(hash.get('room') ?? ''))

$('enter').onsubmit = event => {
  event.preventDefault()
  openRoom(roomFrom($('room').value))
  $('room').value = ''
  focusText()
}

$('newer').onclick = () => {
  current.log.scrollToEnd(true)
  focusText()
}

$('leave').onclick = leave

$('other-name').onclick = () => {
  $('name').value = me()
  $('rename').returnValue = ''
  $('rename').showModal()
}

// A connection is one user's for as long as it lasts. Loading the page again is the simplest way to be another.
$('rename').onclose = () => {
  const name = $('name').value.replace(/\p{Cc}/gu, '').trim()
  if ($('rename').returnValue !== 'save' || !name || name === me()) return
  rename(name)
  location.reload()
}

document.addEventListener('visibilitychange', () => current.look())
addEventListener('hashchange', openAddressed)

$('me').textContent = me()
openAddressed()
