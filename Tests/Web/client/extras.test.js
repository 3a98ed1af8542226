import assert from 'node:assert/strict'
import { registerHooks } from 'node:module'
import { test } from 'node:test'
import { Locks, Network } from './support/network.js'
import { message, outcome, record, setting, settle, watch } from './support/setting.js'

// What is loaded when it is needed: it comes late, or not at all.
let isThere = true
registerHooks({
  resolve(specifier, context, next) {
    if (!isThere && specifier.startsWith('./apus-extras.js')) throw new Error('It is not there.')
    return next(specifier, context)
  },
})

const jwt = (sub) => `e30.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.x`
const member = (user) => ({ user, clients: 1 })
const listed = { epoch: 'e1', offset: 10, members: [member('bob')], count: 1 }
const join = { type: 'join', channel: 'room', user: 'carol', count: 2 }

/** What a channel has told, in short. */
const short = (told) => told.map(([event, { data, joined }]) => data ?? joined?.map(({ user }) => user).join() ?? event)

/** Answers a subscribe in the moment in which it is sent: nothing has been loaded by then. */
function answerAtOnce(socket, ...events) {
  const { send } = socket
  socket.send = (text) => {
    send.call(socket, text)
    const { type, id, channel } = JSON.parse(text)
    if (type === 'history') socket.say({ type, id, channel, epoch: 'e1', offset: 11, messages: [message(10), message(11)] })
    if (type !== 'subscribe') return
    socket.say({ type: 'subscribed', id, channel, ...listed })
    for (const event of events) socket.say(event)
  }
}

test('a subscribe with presence goes before the publishes that wait, as any', async () => {
  const { client, clock, last } = setting()
  client.channel('room').subscribe({ presence: true })
  watch(client.publish('room', 1))
  await clock.pass()
  await last().greet()
  assert.deepEqual(last().commands.map(({ type }) => type), ['subscribe', 'publish'])
})

test('members and messages that come before presence is loaded are told in their order', async () => {
  const { client, clock, connected } = setting()
  answerAtOnce(await connected(), join, message(11), message(12))
  const channel = client.channel('room')
  const told = record(channel, 'subscribed', 'presence', 'message')
  const subscribing = watch(channel.subscribe({ presence: true }).then(() => assert.deepEqual([...channel.members.keys()], ['bob'])))
  await clock.pass(1)
  await clock.pass(1)
  assert.equal(subscribing.outcome, 'resolved')
  assert.deepEqual(short(told), ['subscribed', 'bob', 'carol', 11, 12])
  assert.deepEqual([...channel.members.keys(), channel.count], ['bob', 'carol', 2])
})

test('presence and last together: each message once, in order', async () => {
  const { client, clock, connected } = setting()
  answerAtOnce(await connected(), message(11), message(12))
  const channel = client.channel('room')
  const told = record(channel, 'message')
  channel.subscribe({ presence: true, last: 2 })
  await clock.pass(1)
  await clock.pass(1)
  assert.deepEqual(short(told), [10, 11, 12])
  assert.deepEqual([channel.position.offset, channel.count], [12, 1])
})

test('a connection lost before presence is loaded: nothing of the old one is taken for the new one', async () => {
  const { client, clock, connected, last } = setting()
  const socket = await connected()
  answerAtOnce(socket)
  const channel = client.channel('room')
  const told = record(channel, 'subscribed')
  const { send } = socket
  socket.send = (text) => {
    send.call(socket, text)
    socket.onclose?.({ code: 1006 })
  }
  channel.subscribe({ presence: true })
  await clock.pass(1_000)
  assert.deepEqual([told.length, channel.state], [0, 'subscribing'])
  await last().greet()
  await last().subscribed({ ...listed, offset: 20 })
  await clock.pass(1)
  assert.deepEqual([short(told), channel.position.offset], [['subscribed'], 20])
})

test('the server makes a subscription with presence: it is told with its members, and what follows behind it', async () => {
  const { client, clock, connected } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  const told = record(channel, 'subscribed', 'presence', 'message')
  socket.say({ type: 'subscribed', channel: 'room', reason: 'server', ...listed })
  socket.say(join)
  socket.say(message(11))
  await clock.pass(1)
  await clock.pass(1)
  assert.deepEqual(short(told), ['subscribed', 'bob', 'carol', 11])
  assert.deepEqual([...channel.members.keys(), channel.state], ['bob', 'carol', 'subscribed'])
})

test('presence cannot be loaded: told as an error, messages come, and it is tried again', async () => {
  const { client, clock, errors, connected } = setting()
  const socket = await connected()
  const channel = client.channel('room')
  const told = record(channel, 'subscribed', 'presence', 'message')
  isThere = false
  const subscribing = watch(channel.subscribe({ presence: true }))
  await clock.pass(1)
  await socket.subscribed(listed)
  await socket.say(message(11))
  await clock.pass(1)
  assert.deepEqual(errors.map(({ code, temporary }) => [code, temporary]), [['unavailable', true]])
  assert.deepEqual([subscribing.outcome, channel.members, short(told)], ['resolved', null, ['subscribed', 11]])
  isThere = true
  await clock.pass(2_500)
  await socket.subscribed({ ...listed, offset: 11 })
  await socket.say(message(12))
  await clock.pass(1)
  assert.deepEqual(short(told), ['subscribed', 11, 'bob', 12])
  assert.deepEqual([...channel.members.keys()], ['bob'])
})

test('typing cannot be loaded: told as an error, and the next keystroke tries again', async (t) => {
  const unhandled = []
  process.on('unhandledRejection', (error) => unhandled.push(error))
  t.after(() => process.removeAllListeners('unhandledRejection'))
  const { errors, last, subscribed } = setting()
  const channel = await subscribed()
  isThere = false
  channel.on('typing', () => {})
  channel.typing()
  await settle()
  assert.equal(errors[0].code, 'unavailable')
  assert.equal(await outcome(channel.messages().next()), 'unavailable')
  isThere = true
  channel.typing()
  await settle()
  assert.deepEqual(last().commands.at(-1), { type: 'signal', channel: 'room', event: 'typing', data: true })
  assert.deepEqual(unhandled, [])
})

test('who types is told after a reconnect where it could not be loaded before', async () => {
  const { last, again, subscribed } = setting()
  const channel = await subscribed()
  isThere = false
  const told = record(channel, 'typing')
  await settle()
  isThere = true
  await again()
  await last().subscribed({ epoch: 'e1', offset: 10, recovered: true })
  await last().say({ type: 'signal', channel: 'room', event: 'typing', data: true, from: 'bob', client: 'c-2' })
  assert.deepEqual(told, [['typing', [{ user: 'bob', client: 'c-2' }]]])
})

test('the fallback cannot be loaded: told as an error, and the attempts go on', async (t) => {
  const network = new Network()
  Object.defineProperty(globalThis, 'navigator', { value: { locks: new Locks() }, configurable: true })
  globalThis.sessionStorage = { 'apus-transport': 'sse' }
  t.after(() => delete globalThis.sessionStorage)
  const { client, clock, errors } = setting({ fallback: true })
  isThere = false
  client.connect()
  await clock.pass()
  assert.deepEqual([client.state, errors[0].code], ['connecting', 'unavailable'])
  isThere = true
  await clock.pass(client.retryAt - clock.now)
  await settle()
  await network.greet()
  assert.equal(client.transport, 'sse')
})

test('a renewal that cannot be loaded is an error, and is tried again at half of the time that is left', async () => {
  const { clock, errors, last, connected } = setting({ token: () => jwt('alice') })
  const socket = await connected()
  isThere = false
  await socket.say({ type: 'expiring', in: 8_000 })
  assert.deepEqual([errors[0].code, socket.commands.length], ['unavailable', 0])
  isThere = true
  await clock.pass(4_000)
  assert.deepEqual(last().commands.map(({ type, token }) => [type, token]), [['auth', jwt('alice')]])
})
