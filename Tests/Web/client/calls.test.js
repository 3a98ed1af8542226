import assert from 'node:assert/strict'
import { test } from 'node:test'
import { record, setting, settle, watch } from './support/setting.js'

const published = (socket) => socket.commands.filter((command) => command.type === 'publish')

/** Answers all publishes that were not answered yet. */
async function answerPublishes(socket, from = 0) {
  for (const { id, channel } of published(socket).slice(from)) await socket.say({ type: 'published', id, channel })
}

test('calls dial by themselves and wait for a connection in their order', async () => {
  const { client, clock, last } = setting()
  const calls = [1, 2, 3].map((data) => watch(client.publish('room', data)))
  await clock.pass()
  await last().greet()
  assert.deepEqual(published(last()).map((command) => command.data), [1, 2, 3])
  await answerPublishes(last())
  assert.deepEqual(calls.map((call) => call.outcome), ['resolved', 'resolved', 'resolved'])
})

test('what is published is what it was at the call', async () => {
  const { client, clock, last } = setting()
  const data = { text: 'before' }
  watch(client.publish('room', data))
  data.text = 'after'
  await clock.pass()
  await last().greet()
  assert.deepEqual(published(last())[0].data, { text: 'before' })
})

test('a full queue says so', async () => {
  const { client } = setting({ queue: 2 })
  const calls = [1, 2, 3].map((data) => watch(client.publish('room', data)))
  await settle()
  assert.deepEqual(calls.map((call) => call.outcome), ['pending', 'pending', 'queue_full'])
})

test('queue: 0 and queue: false fail at once without a connection, and dial', async () => {
  const { client, clock, sockets } = setting({ queue: 0 })
  const call = watch(client.send('bob', 1))
  await clock.pass()
  assert.deepEqual([call.outcome, sockets.length], ['not_connected', 1])
  const other = setting()
  const second = watch(other.client.publish('room', 1, { queue: false }))
  await settle()
  assert.equal(second.outcome, 'not_connected')
})

test('a call ends when its time is over: not_connected, or outcome_unknown when it was sent', async () => {
  const { client, clock, last } = setting()
  const early = watch(client.request('time', undefined, { timeout: 1_000 }))
  await clock.pass(1_000)
  assert.equal(early.outcome, 'not_connected')
  await last().greet()
  const late = watch(client.request('time', undefined, { timeout: 1_000 }))
  await clock.pass(1_000)
  assert.equal(late.outcome, 'outcome_unknown')
})

test('an aborted call rejects with the reason of its signal, and is not sent', async () => {
  const { client, clock, last } = setting()
  const ending = new AbortController()
  const { signal } = ending
  const calls = [client.publish('room', 1, { signal }), client.connect({ signal }), client.channel('room').subscribe({ signal })]
  const watched = calls.map(watch)
  ending.abort('enough')
  watched.push(watch(client.publish('room', 1, { signal: AbortSignal.abort('never') })))
  await clock.pass()
  assert.deepEqual(watched.map((call) => call.outcome), ['enough', 'enough', 'enough', 'never'])
  await last().greet()
  assert.deepEqual(last().commands, [])
})

test('what is too large is refused and not sent', async () => {
  const { client, connected } = setting()
  const socket = await connected({ maxMessageSize: 100 })
  const call = watch(client.publish('room', 'ä'.repeat(60)))
  await settle()
  assert.equal(call.outcome, 'too_large')
  assert.equal(client.signal('room', 'x', 'y'.repeat(100)), false)
  assert.deepEqual(socket.commands, [])
})

test('what cannot be written as JSON is refused, and takes nothing else along', async () => {
  const { client, clock, last } = setting()
  const loop = {}
  loop.loop = loop
  const bad = watch(client.publish('room', loop))
  const none = watch(client.publish('room', undefined))
  const good = watch(client.publish('room', 1))
  await clock.pass()
  await last().greet()
  await answerPublishes(last())
  assert.ok(bad.outcome instanceof TypeError)
  assert.deepEqual([none.outcome, good.outcome], ['invalid', 'resolved'])
})

test('a publish in a channel with a position has a key, and is sent again after a lost connection, in the old order', async () => {
  const { client, clock, last, again, subscribed } = setting()
  await subscribed()
  const calls = [1, 2, 3].map((data) => watch(client.publish('room', data)))
  const first = published(last())
  assert.ok(first.every((command) => command.key.length > 20) && new Set(first.map((command) => command.key)).size === 3)
  await last().say({ type: 'published', id: first[0].id, channel: 'room', epoch: 'e1', offset: 11 })
  await again()
  const repeated = published(last())
  assert.deepEqual(repeated.map(({ key, data }) => [key, data]), first.slice(1).map(({ key, data }) => [key, data]))
  await answerPublishes(last())
  await clock.pass()
  assert.deepEqual(calls.map((call) => call.outcome), ['resolved', 'resolved', 'resolved'])
})

test('what is repeated comes before what has waited, as the calls came', async () => {
  const { client, clock, last, subscribed } = setting()
  await subscribed()
  watch(client.publish('room', 'sent'))
  await last().say({ type: 'drain', after: 0 })
  await clock.pass(10)
  watch(client.publish('room', 'waiting'))
  await clock.pass(1_000)
  await last().greet()
  assert.deepEqual(published(last()).map((command) => command.data), ['sent', 'waiting'])
})

test('after a reconnect subscriptions come first, then what waits', async () => {
  const { client, clock, last, subscribed } = setting()
  await subscribed()
  await last().end()
  watch(client.publish('room', 1))
  await clock.pass(500)
  await last().greet()
  assert.deepEqual(last().commands.map((command) => command.type), ['subscribe', 'publish'])
})

test('timeout of the node: a publish with a key is sent again', async () => {
  const { client, last, subscribed } = setting()
  await subscribed()
  const call = watch(client.publish('room', 1))
  await last().answer('publish', { type: 'error', code: 'timeout', error: 'Redis.', temporary: true })
  assert.equal(published(last()).length, 2)
  await last().answer('publish', { type: 'published', epoch: 'e1', offset: 11, duplicate: true })
  assert.equal(call.outcome, 'resolved')
})

test('never sent twice without a key: an anonymous client, a channel without history, send and request', async () => {
  const { client, last, again, connected } = setting()
  await connected({ user: null })
  const calls = [client.publish('room', 1), client.send('bob', 1), client.request('x')].map(watch)
  await again({ user: null })
  assert.deepEqual(calls.map((call) => call.outcome), ['outcome_unknown', 'outcome_unknown', 'outcome_unknown'])
  assert.deepEqual(last().commands, [])
})

test('a key of the caller, or one made up for him, makes a publish repeatable everywhere', async () => {
  const { client, last, again, connected } = setting()
  await connected()
  watch(client.publish('room', 1, { key: 'mine' }))
  watch(client.publish('room', 2, { key: true, echo: false }))
  assert.deepEqual(published(last()).map(({ key, echo }) => [key === 'mine', key.length > 20, echo]), [
    [true, false, undefined],
    [false, true, false],
  ])
  await again()
  assert.equal(published(last()).length, 2)
})

test('a page of plain http, which has no randomUUID, makes up keys all the same', async (t) => {
  t.mock.method(crypto, 'randomUUID', () => assert.fail('it is not there'))
  const { client, last, connected } = setting()
  await connected()
  watch(client.publish('room', 1, { key: true }))
  assert.match(published(last())[0].key, /^\d{22,64}$/)
})

test('nothing is repeated after four minutes', async () => {
  const { client, clock, last, again, subscribed } = setting()
  await subscribed()
  const call = watch(client.publish('room', 1, { timeout: 1_000_000 }))
  for (let passed = 0; passed < 240_000; passed += 5_000) {
    await clock.pass(5_000)
    await last().pong()
  }
  await again()
  assert.equal(call.outcome, 'outcome_unknown')
})

test('replies give what they say', async () => {
  const { client, last, connected } = setting()
  await connected()
  const call = async (promise, type, reply) => {
    await last().answer(type, reply)
    return promise
  }
  assert.deepEqual(
    await call(client.publish('a', 1), 'publish', { type: 'published', epoch: 'e', offset: 4 }),
    { epoch: 'e', offset: 4, duplicate: undefined }
  )
  assert.deepEqual(await call(client.send('bob', 1), 'send', { type: 'sent', online: true }), { online: true })
  assert.equal(await call(client.request('time'), 'request', { type: 'response', result: 7 }), 7)
  assert.equal(await call(client.request('time'), 'request', { type: 'response', result: null }), null)
  const failed = client.request('cancel').catch((error) => error)
  await last().answer('request', { type: 'response', error: { code: 'shipped', message: 'Too late.' } })
  const { code, message, cause } = await failed
  assert.deepEqual([code, message, cause], ['refused', 'Too late.', { code: 'shipped', message: 'Too late.' }])
  const history = client.channel('a').history({ limit: 2, since: new Date(5) })
  await settle()
  assert.deepEqual([last().commands.at(-1).limit, last().commands.at(-1).since], [2, 5])
  const binary = { type: 'message', channel: 'a', from: null, ts: 1, offset: 4, binary: 'AQI=' }
  const { messages, reset } = await call(history, 'history', { epoch: 'e', offset: 4, messages: [binary] })
  assert.deepEqual([messages[0].offset, [...messages[0].bytes], reset], [4, [1, 2], false])
  const counting = client.channel('a').presence({ only: 'count' })
  await settle()
  const presence = await call(counting, 'presence', { count: 3 })
  assert.deepEqual(presence, { count: 3 })
  const refused = client.publish('a', 1).catch((error) => error)
  const no = { type: 'error', code: 'rate_limited', error: 'Slow.', temporary: true, retryAfter: 20 }
  await last().answer('publish', no)
  const error = await refused
  assert.deepEqual([error.code, error.message, error.temporary, error.retryAfter], ['rate_limited', 'Slow.', true, 20])
})

test('signals are sent or not, and never wait', async () => {
  const { client, connected } = setting()
  assert.equal(client.signal('room', 'x'), false)
  const socket = await connected()
  assert.equal(client.signal('room', 'x', { at: 1 }), true)
  socket.bufferedAmount = 65_537
  assert.equal(client.signal('room', 'x'), false)
  assert.equal(socket.commands.length, 1)
})

test('nothing is sent on a connection that is closing: a call waits for the next one, a signal says so', async () => {
  const { client, clock, subscribed, last, again } = setting()
  await subscribed()
  last().readyState = 2
  const call = watch(client.publish('room', 'late'))
  assert.equal(client.signal('room', 'x'), false)
  assert.equal(client.publishBytes('room', new Uint8Array(2)), false)
  await clock.pass(30_000 / 4)
  assert.deepEqual([call.outcome, last().commands.length], ['pending', 1])
  await again()
  await last().answer('publish', { offset: 11 })
  assert.equal(call.outcome, 'resolved')
})

test('calls wait while more than 1 MiB is unsent', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  socket.bufferedAmount = (1 << 20) + 1
  watch(client.publish('room', 1))
  await clock.pass(200)
  assert.equal(socket.commands.length, 0)
  socket.bufferedAmount = 0
  await clock.pass(50)
  assert.equal(socket.commands.length, 1)
})

test('close ends what waits with closed, and what was sent with outcome_unknown', async () => {
  const { client, connected, clock } = setting()
  await connected()
  const sent = watch(client.publish('room', 1))
  const subscribing = watch(client.channel('room').subscribe())
  client.close()
  await clock.pass(1)
  assert.deepEqual([sent.outcome, subscribing.outcome], ['outcome_unknown', 'closed'])
  const waiting = watch(client.publish('room', 1))
  client.close()
  await settle()
  assert.equal(waiting.outcome, 'closed')
})

test('direct messages, notifications and errors without id are events', async () => {
  const { client, last, errors, connected } = setting()
  const told = record(client, 'direct', 'notification')
  await connected()
  await last().say({ type: 'direct', from: 'bob', data: 1, ts: 2 })
  await last().say({ type: 'notification', data: 3, ts: 4 })
  await last().say({ type: 'error', code: 'bad_request', error: 'No.', temporary: false })
  await last().say({ type: 'something new', channel: 'nowhere' })
  assert.deepEqual(told, [
    ['direct', { from: 'bob', data: 1, ts: 2 }],
    ['notification', { data: 3, ts: 4 }],
  ])
  assert.equal(errors[0].code, 'bad_request')
})

test('no promise of connect, subscribe, unsubscribe and close becomes an unhandled rejection', async () => {
  const unhandled = []
  const take = (error) => unhandled.push(error)
  process.on('unhandledRejection', take)
  const { client, clock } = setting()
  client.connect()
  client.channel('room').subscribe()
  client.renew()
  client.close()
  client.channel('room').unsubscribe()
  await clock.pass(60_000)
  await settle()
  process.off('unhandledRejection', take)
  assert.deepEqual(unhandled, [])
})
