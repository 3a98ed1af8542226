import assert from 'node:assert/strict'
import { test } from 'node:test'
import { elements } from './support/page.js'

const { cutTo, day, me } = await import('../../../Web/pages/demo.js')
const { channelNameOf, commandFor, labelOf, noticeOf, roomFrom, shortened, textOf } =
  await import('../../../Web/pages/chat/words.js')
const { Room } = await import('../../../Web/pages/chat/room.js')
const { Thread } = await import('../../../Web/pages/chat/thread.js')

/** A page on which a conversation is shown; it counts what it is told. */
function makePage(isShown = true) {
  const page = { answers: 0, isShown: () => isShown, answered: () => { page.answers++ } }
  for (const name of ['scrolled', 'counted', 'filled', 'typing', 'peopled']) page[name] = () => {}
  return page
}

/** A handle of a channel, whose publishes wait until the test ends them by `settle`. */
class Channel {
  state = 'unsubscribed'
  position = { epoch: 'e', offset: 0 }
  published = []
  handlers = new Set()

  constructor(name) { this.name = name }

  on(event, handler, { signal } = {}) {
    const entry = { event, handler }, off = () => this.handlers.delete(entry)
    this.handlers.add(entry)
    signal?.addEventListener('abort', off)
    return off
  }

  tell(event, value) {
    for (const entry of [...this.handlers]) if (entry.event === event) entry.handler(value)
  }

  publish(data, options) {
    return new Promise((resolve, reject) => this.published.push({ data, options, resolve, reject }))
  }

  async subscribe() { this.state = 'subscribed' }
  async unsubscribe() { this.state = 'unsubscribed' }
  async history() { throw new Error('It keeps none.') }
}

function makeRoom(page = makePage()) {
  const client = { node: 'web-1.x', channel: name => new Channel(name) }
  const room = new Room('lobby', client, page)
  return { room, channel: room.channel, rows: room.log.rows }
}

const turn = () => new Promise(setImmediate)

test('a channel has one name as a room', () => {
  const same = { lobby: 'lobby', 'demo:lobby': 'lobby', '': 'lobby', ' a  room ': 'a-room', 'room:1': 'room:1' }
  for (const [text, name] of Object.entries(same)) assert.equal(roomFrom(text), name, text)
  // Where the rest would be another channel than it was, it stays.
  for (const text of ['demo:doc:x', 'demo:demo:x', 'demo:$x', 'demo:']) {
    assert.equal(channelNameOf(roomFrom(text)), text)
  }
  for (const text of ['demo:lobby', '$$x', 'demo:$x', 'x'.repeat(99)]) {
    const name = roomFrom(text)
    assert.equal(roomFrom(name), name)
  }
  assert.equal(channelNameOf(roomFrom('lobby')), channelNameOf(roomFrom('demo:lobby')))
})

test('nothing is cut amid an emoji', () => {
  assert.equal(cutTo('abc😀', 4), 'abc')
  assert.equal(cutTo('abc😀', 5), 'abc😀')
  assert.equal(cutTo('\uDE00abc', 9), '\uFFFDabc')
  assert.equal(me(), 'ann')
  assert.equal(roomFrom('x'.repeat(59) + '😀'), 'x'.repeat(59))
  const { text, left } = shortened('x'.repeat(1999) + '😀!')
  assert.equal(text, 'x'.repeat(1999))
  assert.equal(left, '… 3 more characters')
})

test('what others publish is said in words', () => {
  const texts = [['hi', 'hi'], [{ text: 'hi' }, 'hi'], [{ text: 7 }, '{"text":7}'], [null, 'null']]
  for (const [data, text] of texts) assert.equal(textOf({ data }), text)
  assert.equal(textOf({ bytes: new Uint8Array(3) }), '3 bytes')
  assert.equal(noticeOf({ title: 'Tea', text: 'is cold' }), 'Tea · is cold')
  assert.equal(noticeOf({ title: 7 }), '{"title":7}')
  assert.equal(labelOf({ user: null, client: 'c-12345678' }), 'Guest 5678')
  assert.equal(labelOf({}), 'Another program')
  assert.match(commandFor("it's"), /^apus pub 'it'\\''s' /)
})

test('days are named by their dates, so that a line stays true', () => {
  const before = new Date(2026, 10, 30, 23, 59).getTime()
  assert.equal(day(before), 'Monday 30 November')
  assert.equal(day(before + 120_000), 'Tuesday 1 December')
  assert.match(day(Date.now()), /\d/)
})

test('our bubble is pending until the message comes back, and is there once', async () => {
  const { room, channel, rows } = makeRoom()
  room.say('hello')
  const [bubble] = rows, { data, options, resolve } = channel.published[0]
  assert.equal(bubble.fate, 'pending')
  assert.equal(options.key, data.id)
  channel.tell('message', { from: me(), data, ts: 5, offset: 1 })
  assert.equal(bubble.fate, '')
  assert.equal(bubble.settledAt, 5)
  resolve({})
  await turn()
  assert.equal(rows.length, 1)
  assert.equal(room.unread, 0)
})

test('what was not sent can be sent again under the same id, and the focus goes elsewhere', async () => {
  const page = makePage()
  const { room, channel, rows } = makeRoom(page)
  room.say('hello')
  channel.published[0].reject(Object.assign(new Error('Too fast.'), { code: 'rate_limited' }))
  await turn()
  const [bubble] = rows
  assert.equal(bubble.fate, 'failed')
  assert.equal(bubble.content[0], 'Not sent: Too fast. ')
  bubble.content[1].onclick()
  assert.equal(bubble.fate, 'pending')
  assert.equal(page.answers, 1)
  assert.deepEqual(channel.published[1].data, channel.published[0].data)
  // It has come back, though the answer is lost.
  channel.tell('message', { from: me(), data: channel.published[1].data, ts: 5, offset: 1 })
  channel.published[1].reject(Object.assign(new Error('Lost.'), { code: 'outcome_unknown' }))
  await turn()
  assert.equal(bubble.fate, '')
})

test('what comes is unread where nobody sees it', () => {
  const seen = makeRoom(makePage(true)), unseen = makeRoom(makePage(false))
  for (const { room, channel } of [seen, unseen]) {
    for (const offset of [1, 2, 2]) channel.tell('message', { from: 'bob', data: 'x', ts: 1, offset })
    channel.tell('message', { from: me(), data: 'mine, from another program', ts: 1, offset: 3 })
    assert.equal(room.log.rows.length, 3)
  }
  assert.equal(seen.room.unread, 0)
  assert.equal(unseen.room.unread, 2)
})

test('gaps in a row are one line', async () => {
  const { channel, rows } = makeRoom()
  channel.position = null
  const message = text => ({ from: 'bob', data: text, ts: 1 })
  for (let poll = 0; poll < 5; poll++) {
    channel.tell('gap')
    await turn()
  }
  assert.deepEqual(rows.map(({ text }) => text), ['Messages may be missing here'])
  channel.tell('message', message('hello'))
  channel.tell('gap')
  channel.tell('message', message('held while the history is read'))
  await turn()
  assert.deepEqual(rows.map(({ text, message }) => text ?? message.data), [
    'Messages may be missing here', 'hello', 'Messages may be missing here', 'held while the history is read',
  ])
})

test('a room that is taken away can be entered again, and the focus goes elsewhere', () => {
  const page = makePage()
  const { channel, rows } = makeRoom(page)
  channel.tell('ended', { reason: 'server' })
  const [line] = rows
  line.more[0].onclick()
  assert.equal(channel.state, 'subscribed')
  assert.equal(page.answers, 1)
  assert.equal(rows.length, 0)
})

test('a room that was left leaves no handlers', () => {
  const { room, channel } = makeRoom()
  const status = new elements['apus-status']()
  status.client = { on() {}, state: 'connected', channel: name => new Channel(name) }
  status.watch(channel, room.left)
  assert.ok(channel.handlers.size > 5)
  room.leave()
  assert.equal(channel.handlers.size, 0)
})

test('a room that is opened again has its gaps counted again', () => {
  const status = new elements['apus-status']()
  status.client = { on() {}, state: 'connected', channel: name => new Channel(name) }
  const first = makeRoom(), second = makeRoom()
  for (const { room, channel } of [first, first, second]) status.watch(channel, room.left)
  const watching = ({ channel }) => [...channel.handlers].filter(({ event }) => event === 'gap').length
  // One of the room, one of the status.
  assert.deepEqual([watching(first), watching(second)], [2, 2])
})

test('a private message to somebody who is away is not sent', async () => {
  let online = false
  const thread = new Thread('bob', { send: async () => ({ online }) }, makePage())
  assert.equal(thread.isOurs, false)
  thread.say('are you there?')
  await turn()
  const bubble = thread.log.last
  assert.equal(bubble.fate, 'failed')
  assert.equal(bubble.content[0], 'Not sent: bob is not here. ')
  online = true
  bubble.content[1].onclick()
  await turn()
  assert.equal(bubble.fate, '')
  assert.ok(thread.isOurs)
})
