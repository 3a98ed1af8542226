import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messages } from '../../../Web/client/extras/messages.js'
import { message, outcome, record, setting, settle, watch } from './support/setting.js'

const types = (socket) => socket.commands.map((command) => command.type)
const data = (told) => told.filter(([event]) => event === 'message').map(([, message]) => message.data)

test('subscribe resolves a turn before any message is handed over', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  const told = []
  const subscribing = channel.subscribe().then(() => channel.on('message', ({ data }) => told.push(data)))
  await clock.pass()
  socket.subscribed({ epoch: 'e1', offset: 10 })
  socket.say(message(11))
  await clock.pass(1)
  await subscribing
  assert.deepEqual(told, [11])
})

test('mounted, unmounted and mounted again: one command', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  channel.subscribe()
  channel.unsubscribe()
  const subscribing = channel.subscribe()
  await clock.pass(1)
  assert.deepEqual(types(socket), ['subscribe'])
  await socket.subscribed()
  assert.equal(await outcome(subscribing), 'resolved')
})

test('subscribe, unsubscribe, subscribe while the first is under way: neither a ghost nor nothing', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  const first = watch(channel.subscribe())
  await clock.pass(1)
  channel.unsubscribe()
  await clock.pass(1)
  const second = watch(channel.subscribe())
  await clock.pass(1)
  await socket.subscribed()
  await clock.pass(1)
  assert.deepEqual([first.outcome, second.outcome, channel.state], ['closed', 'resolved', 'subscribed'])
  assert.deepEqual(types(socket), ['subscribe'])
})

test('unsubscribed while the subscribe is under way: no ghost', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  const told = record(channel, 'message', 'subscribed')
  channel.subscribe()
  await clock.pass(1)
  channel.unsubscribe()
  await socket.subscribed()
  await socket.say(message(1))
  await clock.pass(1)
  assert.deepEqual(types(socket), ['subscribe', 'unsubscribe'])
  await socket.answer('unsubscribe', { type: 'unsubscribed' })
  assert.equal(channel.state, 'unsubscribed')
  assert.deepEqual(told, [])
})

test("an old handle's end does not take the new one along", async () => {
  const { client, clock, last, subscribed } = setting()
  const old = await subscribed()
  const fresh = client.channel('room')
  const told = record(fresh, 'message')
  fresh.subscribe()
  old.unsubscribe()
  await clock.pass(1)
  await last().say(message(11))
  assert.deepEqual(types(last()), ['subscribe'])
  assert.deepEqual([old.state, fresh.state, data(told)], ['unsubscribed', 'subscribed', [11]])
})

test('a handler that throws ends nothing', async () => {
  const { last, reported, subscribed } = setting()
  const channel = await subscribed()
  const told = []
  channel.on('message', () => {
    throw new Error('mine')
  })
  channel.on('message', ({ data }) => told.push(data))
  await last().say(message(11))
  await last().say(message(12))
  assert.deepEqual([told, reported.map((error) => error.message)], [[11, 12], ['mine', 'mine']])
})

test('a handler that subscribes anew does not get the same message twice', async () => {
  const { client, clock, last, subscribed } = setting()
  const channel = await subscribed()
  const told = []
  channel.on('message', ({ data }) => {
    told.push(data)
    channel.unsubscribe()
    channel.subscribe({ since: { epoch: 'e1', offset: 10 } })
  })
  await last().say(message(11))
  await clock.pass(1)
  await last().say(message(12))
  assert.deepEqual(told, [11, 12])
  assert.equal(client.channel('room').position.offset, 12)
})

test('no messages after unsubscribe() or close() in the same turn', async () => {
  for (const end of ['unsubscribe', 'close']) {
    const { client, last, subscribed } = setting()
    const channel = await subscribed()
    const told = record(channel, 'message')
    if (end === 'close') client.close()
    else channel.unsubscribe()
    await last().say(message(11))
    assert.deepEqual(told, [])
  }
})

test('messages that wait when a handler unsubscribes are not handed over', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  const told = []
  channel.on('message', ({ data }) => {
    told.push(data)
    channel.unsubscribe()
  })
  channel.subscribe()
  await clock.pass(1)
  await socket.subscribed({ epoch: 'e1', offset: 10 })
  socket.say(message(11))
  socket.say(message(12))
  await clock.pass(1)
  assert.deepEqual(told, [11])
})

test('handlers run in the order of their attaching, over all handles; off, once and signal take them away', async () => {
  const { client, clock, last, subscribed } = setting()
  const first = await subscribed()
  const second = client.channel('room')
  second.subscribe()
  await clock.pass(1)
  const told = []
  const ending = new AbortController()
  first.on('message', () => told.push('a'), { once: true })
  second.on('message', () => told.push('b'), { signal: ending.signal })
  const off = first.on('message', () => told.push('c'))
  first.on('message', () => told.push('d'), { signal: AbortSignal.abort() })
  await last().say(message(11))
  off()
  await last().say(message(12))
  ending.abort()
  await last().say(message(13))
  assert.deepEqual(told, ['a', 'b', 'c', 'b'])
})

test('after a reconnect it asks since its position, and each message comes once', async () => {
  const { clock, again, last, subscribed } = setting()
  const channel = await subscribed()
  const told = record(channel, 'message', 'subscribed', 'gap')
  await last().say(message(11))
  await again()
  assert.deepEqual(last().commands.at(-1).since, { epoch: 'e1', offset: 11 })
  await last().subscribed({ epoch: 'e1', offset: 11, recovered: true })
  for (const offset of [11, 12, 12, 13]) await last().say(message(offset))
  await clock.pass(1)
  assert.deepEqual(told.map(([event, value]) => (event === 'message' ? value.data : [event, value.again])), [
    11, ['subscribed', true], 12, 13,
  ])
})

test('recovered:false after a reconnect is a gap; the first time it is none', async () => {
  const { clock, again, last, subscribed } = setting()
  const channel = await subscribed({ epoch: 'e1', offset: 10, recovered: false }, { since: 1 })
  const told = record(channel, 'gap')
  assert.equal(last().commands[0].since, 1)
  await again()
  await last().subscribed({ epoch: 'e2', offset: 3, recovered: false })
  await clock.pass(1)
  assert.deepEqual(told, [['gap', { channel: 'room', epoch: 'e2', offset: 3 }]])
  assert.deepEqual(channel.position, { epoch: 'e2', offset: 3 })
})

test('a gap sets the position, also back', async () => {
  const { last, subscribed } = setting()
  const channel = await subscribed()
  const told = record(channel, 'message', 'gap')
  await last().say({ type: 'gap', channel: 'room', epoch: 'e2', offset: 0 })
  await last().say(message(1))
  assert.deepEqual(told.map(([event]) => event), ['gap', 'message'])
  assert.deepEqual(channel.position, { epoch: 'e2', offset: 1 })
})

test('the position moves before handlers run', async () => {
  const { last, subscribed } = setting()
  const channel = await subscribed()
  let seen
  channel.on('message', () => (seen = channel.position.offset))
  await last().say(message(11))
  assert.equal(seen, 11)
})

test('last hands over the history first, holds what is new meanwhile, each message once', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  const told = record(channel, 'message')
  channel.subscribe({ last: 3 })
  await clock.pass(1)
  assert.deepEqual(types(socket), ['subscribe', 'history'])
  await socket.subscribed({ epoch: 'e1', offset: 10 })
  await socket.say(message(11))
  await socket.say(message(12))
  await clock.pass(1)
  assert.deepEqual(told, [])
  await socket.answer('history', { epoch: 'e1', offset: 11, messages: [message(9), message(10), message(11)] })
  await clock.pass(1)
  assert.deepEqual(data(told), [9, 10, 11, 12])
  assert.equal(channel.position.offset, 12)
})

test('last in a channel without history: messages come all the same', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  const told = record(channel, 'message')
  channel.subscribe({ last: 3 })
  await clock.pass(1)
  await socket.subscribed()
  await socket.answer('history', { type: 'error', code: 'forbidden', error: 'None is kept.', temporary: false })
  await socket.say(message(undefined, 'x'))
  await clock.pass(1)
  assert.deepEqual(data(told), ['x'])
})

test('a connection lost while the last messages are read: they are read again', async () => {
  const { client, clock, connected, again, last } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  const told = record(channel, 'message')
  channel.subscribe({ last: 1 })
  await clock.pass(1)
  await socket.subscribed({ epoch: 'e1', offset: 10 })
  await socket.say(message(11))
  await again()
  assert.deepEqual(types(last()), ['subscribe', 'history'])
  await last().subscribed({ epoch: 'e1', offset: 11 })
  await last().answer('history', { epoch: 'e1', offset: 11, messages: [message(11)] })
  await clock.pass(1)
  await last().say(message(12))
  assert.deepEqual(data(told), [11, 12])
})

test('last asked for while the node goes away: handed over once', async () => {
  const { client, clock, last, connected } = setting()
  const socket = await connected()
  watch(client.request('time'))
  await socket.say({ type: 'drain', after: 0 })
  await clock.pass(10)
  const channel = client.channel('room')
  const told = record(channel, 'message')
  channel.subscribe({ last: 1 })
  await clock.pass(1)
  await socket.subscribed({ epoch: 'e1', offset: 10 })
  await clock.pass(1_100)
  await last().greet()
  await last().subscribed({ epoch: 'e1', offset: 10 })
  for (const { id, type } of last().commands) {
    if (type === 'history') await last().say({ type, id, channel: 'room', epoch: 'e1', offset: 10, messages: [message(10)] })
  }
  await clock.pass(1)
  assert.deepEqual(data(told), [10])
})

test('a temporary refusal is tried again, and within the time-out of the call', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  const subscribing = watch(client.channel('room').subscribe())
  await clock.pass(1)
  await socket.subscribed({ type: 'error', code: 'unavailable', error: 'Redis.', temporary: true })
  await clock.pass(2_500)
  assert.deepEqual(types(socket), ['subscribe', 'subscribe'])
  await socket.subscribed()
  await settle()
  assert.equal(subscribing.outcome, 'resolved')
})

test('a rate limit is waited for', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  client.channel('room').subscribe({ timeout: 60_000 })
  await clock.pass(1)
  await socket.subscribed({ type: 'error', code: 'rate_limited', error: 'Slow down.', temporary: true, retryAfter: 8_000 })
  await clock.pass(7_999)
  assert.equal(socket.commands.length, 1)
  await clock.pass(2_001)
  assert.equal(socket.commands.length, 2)
})

test('a lasting refusal rejects, and after a reconnect it is told as ended and as an error', async () => {
  const no = { type: 'error', code: 'forbidden', error: 'No.', temporary: false }
  const { client, clock, connected, again, errors, last } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  const told = record(channel, 'ended')
  const first = watch(channel.subscribe())
  await clock.pass(1)
  await socket.subscribed(no)
  await settle()
  assert.deepEqual([first.outcome, channel.state, errors.length, told.length], ['forbidden', 'unsubscribed', 0, 1])
  channel.subscribe()
  await clock.pass(1)
  await last().subscribed()
  await again()
  await last().subscribed(no)
  assert.deepEqual([channel.state, errors[0].code, told[1][1].error.code], ['unsubscribed', 'forbidden', 'forbidden'])
})

test('the node takes the subscription away', async () => {
  const { client, last, again, subscribed } = setting()
  const channel = await subscribed()
  const told = record(channel, 'ended', 'message')
  await last().say({ type: 'unsubscribed', channel: 'room', reason: 'server' })
  await last().say(message(11))
  assert.deepEqual(told, [['ended', { reason: 'server' }]])
  assert.equal(channel.state, 'unsubscribed')
  await again()
  assert.deepEqual(last().commands, [])
  assert.equal(client.state, 'connected')
})

test('a handler of ended may subscribe anew', async () => {
  const { clock, last, subscribed } = setting()
  const channel = await subscribed()
  channel.on('ended', () => channel.subscribe())
  await last().say({ type: 'unsubscribed', channel: 'room', reason: 'server' })
  await clock.pass(1)
  assert.deepEqual(types(last()), ['subscribe', 'subscribe'])
})

test('a subscription that the server made is shown, with its messages, and ends with the connection', async () => {
  const { client, connected, again, last } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  const told = record(channel, 'subscribed', 'message', 'ended')
  await socket.say({ type: 'subscribed', channel: 'room', reason: 'server', epoch: 'e1', offset: 4 })
  await socket.say(message(5))
  assert.equal(channel.state, 'subscribed')
  await again()
  assert.equal(channel.state, 'unsubscribed')
  assert.deepEqual(last().commands, [])
  assert.deepEqual(told.map(([event, { reason }]) => [event, reason]), [
    ['subscribed', 'server'],
    ['message', undefined],
    ['ended', 'server'],
  ])
})

test('128 channels after a reconnect stay within the rate: 32 subscribes are unanswered at a time', async () => {
  const { client, clock, connected, again, last } = setting()
  await connected()
  for (let number = 0; number < 128; number++) client.channel(`room:${number}`).subscribe()
  await clock.pass(1)
  assert.equal(last().commands.length, 32)
  const answerAll = async () => {
    for (let index = 0; index < last().commands.length; index++) {
      assert.ok(last().commands.length <= index + 32)
      const { id, channel } = last().commands[index]
      await last().say({ type: 'subscribed', id, channel })
    }
  }
  await answerAll()
  await again()
  assert.equal(last().commands.length, 32)
  await answerAll()
  assert.equal(new Set(last().commands.map((command) => command.channel)).size, 128)
})

test('presence is the strongest that any handle wants, and info the newest', async () => {
  const { client, clock, last, connected } = setting()
  const socket = await connected()
  const [listens, watches, takesPart] = [0, 1, 2].map(() => client.channel('room'))
  const step = async () => {
    await clock.pass(1)
    const { type, id, channel, ...rest } = socket.commands.at(-1)
    await socket.subscribed(rest.presence ? { members: [], count: 0 } : {})
    return rest
  }
  listens.subscribe()
  assert.deepEqual(await step(), {})
  watches.subscribe({ presence: 'watch' })
  assert.deepEqual(await step(), { presence: 'watch' })
  takesPart.subscribe({ presence: true, info: 'here' })
  assert.deepEqual(await step(), { presence: true, info: 'here' })
  takesPart.unsubscribe()
  assert.deepEqual(await step(), { presence: 'watch' })
  watches.unsubscribe()
  assert.deepEqual(await step(), {})
  listens.unsubscribe()
  await clock.pass(1)
  assert.equal(last().commands.at(-1).type, 'unsubscribe')
})

test('info that is a function is asked for each connection; one that throws is told', async () => {
  let asked = 0
  const { clock, last, again, errors, subscribed } = setting()
  await subscribed({ members: [], count: 0 }, {
    presence: true,
    info() {
      if (++asked === 2) throw new Error('mine')
      return { asked }
    },
  })
  assert.deepEqual(last().commands[0].info, { asked: 1 })
  await again()
  assert.equal(last().commands[0].info, undefined)
  assert.equal(errors[0].message, 'mine')
  await clock.pass(1_000)
  await again()
  await clock.pass(1)
  assert.deepEqual(last().commands[0].info, { asked: 3 })
})

test('join and leave racing with the list of members leave the map right', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  const told = record(channel, 'presence')
  channel.subscribe({ presence: true })
  await clock.pass(1)
  const member = (user) => ({ user, clients: 1 })
  socket.subscribed({ members: [member('alice'), member('bob')], count: 2 })
  socket.say({ type: 'join', channel: 'room', user: 'bob', count: 2 })
  socket.say({ type: 'leave', channel: 'room', user: 'alice', count: 1 })
  socket.say({ type: 'join', channel: 'room', user: null, client: 'c-7', count: 2 })
  await clock.pass(1)
  assert.deepEqual([...channel.members.keys()], ['bob', 'c-7'])
  assert.equal(channel.count, 2)
  assert.deepEqual(told.map(([, { joined, left, resync }]) => [joined.length, left.length, resync]), [
    [2, 0, true],
    [0, 0, false],
    [0, 1, false],
    [1, 0, false],
  ])
})

test('above 200 members there is a count, and below 150 a list again, told as a difference', async () => {
  const { last, subscribed } = setting()
  const channel = await subscribed({ members: [{ user: 'bob', clients: 1 }], count: 1 }, { presence: true })
  const told = record(channel, 'presence')
  await last().say({ type: 'members', channel: 'room', count: 231 })
  assert.deepEqual([channel.members, channel.count], [null, 231])
  await last().say({ type: 'members', channel: 'room', members: [{ user: 'carol', clients: 1 }], count: 1 })
  assert.deepEqual([...channel.members.keys()], ['carol'])
  assert.deepEqual(told.at(-1)[1].joined, [{ user: 'carol', clients: 1 }])
})

test('who types is told, and forgotten after 4 s, at a leave, or at a message of that connection', async () => {
  const { clock, last, subscribed } = setting()
  const channel = await subscribed()
  const lists = []
  channel.on('typing', (typists) => lists.push(typists.map(({ user }) => user)))
  await settle()
  const types = (client, user, data = true) =>
    last().say({ type: 'signal', channel: 'room', event: 'typing', data, from: user, client })
  await types('c-1', 'bob')
  await types('c-2', 'carol')
  await types('c-2', 'carol', false)
  await types('c-3', 'dan')
  await last().say(message(11, 'hi', { client: 'c-3' }))
  await types('c-4', 'eve')
  await last().say({ type: 'leave', channel: 'room', user: 'eve', count: 1 })
  await clock.pass(4_000)
  assert.deepEqual(lists, [['bob'], ['bob', 'carol'], ['bob'], ['bob', 'dan'], ['bob'], ['bob', 'eve'], ['bob'], []])
})

test('typing is told at once, again every 1.5 s, and ended by silence or a publish', async () => {
  const { clock, last, subscribed } = setting()
  const channel = await subscribed()
  channel.on('typing', () => {})
  await settle()
  for (let key = 0; key < 20; key++) {
    channel.typing()
    await clock.pass(100)
  }
  await clock.pass(2_000)
  channel.typing()
  await settle()
  watch(channel.publish('done'))
  const signals = last().commands.filter((command) => command.type === 'signal').map((command) => command.data)
  assert.deepEqual(signals, [true, true, false, true, false])
  assert.equal(last().commands.at(-1).type, 'publish')
})

test('binary messages have bytes, in order and once', async () => {
  const { last, subscribed } = setting()
  const channel = await subscribed()
  const told = record(channel, 'message')
  const frame = (offset) =>
    Uint8Array.of(2, 0, 4, ...Buffer.from('room'), 0, 0, 0, 0, 0, 0, 0, offset, 7, 8).buffer
  await last().say(frame(11))
  await last().say(frame(11))
  assert.deepEqual(told.map(([, { offset, bytes, data }]) => [offset, [...bytes], data]), [[11, [7, 8], undefined]])
  assert.equal(channel.publishBytes(Uint8Array.of(1, 2)), true)
  assert.deepEqual([...last().sent.at(-1)], [1, 0, 4, ...Buffer.from('room'), 1, 2])
})

test('messages() subscribes, yields in order, and leaves with the loop', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  const seen = []
  const loop = (async () => {
    for await (const { data } of client.channel('room').messages()) {
      seen.push(data)
      if (data === 12) break
    }
  })()
  await clock.pass(1)
  await socket.subscribed({ epoch: 'e1', offset: 10 })
  for (const offset of [11, 12, 13]) socket.say(message(offset))
  await clock.pass(1)
  await loop
  await clock.pass(1)
  assert.deepEqual(seen, [11, 12])
  assert.deepEqual(types(socket), ['subscribe', 'unsubscribe'])
})

test('a loop that has ended leaves no handler behind', async () => {
  const handlers = new Set()
  const on = (event, handler, { signal } = {}) => {
    const off = () => handlers.delete(handler)
    handlers.add(handler)
    signal?.addEventListener('abort', off)
    return off
  }
  const channel = { on, subscribe: async () => {}, unsubscribe: async () => {} }
  const { signal } = new AbortController()
  const loop = messages({ on, channel: () => channel }, 'room', { signal }, Error)
  const next = loop.next()
  await settle()
  assert.equal(handlers.size, 3)
  for (const handler of handlers) handler(message(1))
  await next
  await loop.return()
  assert.equal(handlers.size, 0)
})

test('messages() ends with too_slow when more than 1,000 wait, and with the reason when refused', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  const iterator = client.channel('room').messages()
  const first = iterator.next()
  await clock.pass(1)
  await socket.subscribed({ epoch: 'e1', offset: 0 })
  await socket.say(message(1))
  await clock.pass(1)
  await first
  for (let offset = 2; offset <= 1_002; offset++) socket.say(message(offset))
  assert.equal(await outcome(iterator.next()), 'too_slow')
  const refused = watch(client.channel('other').messages().next())
  await clock.pass(1)
  await socket.subscribed({ type: 'error', code: 'forbidden', error: 'No.', temporary: false })
  await clock.pass(1)
  assert.equal(refused.outcome, 'forbidden')
})

test('since and last after unsubscribe has ended: what was asked for is given', async () => {
  for (const options of [{ since: { epoch: 'e1', offset: 5 } }, { last: 2 }]) {
    const { clock, last, subscribed } = setting()
    const channel = await subscribed()
    const told = record(channel, 'message')
    const subscribing = watch(channel.unsubscribe().then(() => channel.subscribe(options)))
    await clock.pass(1)
    assert.deepEqual(types(last()), ['subscribe', 'unsubscribe'])
    await last().answer('unsubscribe', { type: 'unsubscribed' })
    await clock.pass(1)
    assert.deepEqual(last().commands[2].since, options.since)
    await last().subscribed({ epoch: 'e1', offset: options.since ? 5 : 11 })
    if (options.last) await last().answer('history', { epoch: 'e1', offset: 11, messages: [message(10), message(11)] })
    else await last().say(message(6))
    await clock.pass(1)
    assert.deepEqual([subscribing.outcome, data(told)], ['resolved', options.since ? [6] : [10, 11]])
  }
})

test('messages() ends with the reason of its signal, and with closed', async () => {
  for (const how of ['abort', 'close']) {
    const { client, clock, connected } = setting()
    const socket = await connected()
    const ending = new AbortController()
    const next = watch(client.channel('room').messages({ signal: ending.signal }).next())
    await clock.pass(1)
    await socket.subscribed()
    await clock.pass(1)
    assert.equal(next.outcome, 'pending')
    if (how === 'abort') ending.abort('enough')
    else client.close()
    await clock.pass(1)
    assert.equal(next.outcome, how === 'abort' ? 'enough' : 'closed')
  }
})

test('publishBytes: false for what is too long, and for what is no bytes', async () => {
  const { client, connected } = setting()
  const socket = await connected({ maxMessageSize: 20 })
  for (const bytes of [new Uint8Array(21), 'text', null, undefined, [1], new ArrayBuffer(2)]) {
    assert.equal(client.publishBytes('room', bytes), false)
  }
  assert.equal(client.publishBytes('room', new Uint8Array(20)), true)
  assert.equal(socket.commands.length, 1)
})
