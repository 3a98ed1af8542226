import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outcome, record, setting, settle, watch } from './support/setting.js'

const jwt = (sub) => `e30.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.x`

test('nothing is dialled before anything is asked for', async () => {
  const { clock, page, sockets, client } = setting()
  client.channel('room').on('message', () => {})
  await clock.pass(60_000)
  assert.equal(sockets.length, 0)
  assert.equal(clock.timers + page.listeners, 0)
})

test('connect resolves when the node has greeted', async () => {
  const { client, connected } = setting()
  const states = record(client, 'state', 'connected')
  const connecting = client.connect()
  const socket = await connected()
  await connecting
  assert.deepEqual(socket.protocols, ['apus.v1'])
  assert.deepEqual([client.state, client.clientId, client.node, client.user], ['connected', 'c-1', 'web-1.aaaaaa', 'alice'])
  assert.equal(client.transport, 'websocket')
  assert.deepEqual(states.map(([event, value]) => value.state ?? event), ['connecting', 'connected', 'connected'])
})

test('the address is ws beside the page, and http counts as ws', async () => {
  const { Socket, sockets, clock } = setting()
  const { Apus } = await import('../../../Web/client/apus.js')
  for (const url of [undefined, 'https://node.example/ws', new URL('http://node.example/ws#room')]) {
    new Apus(url, { WebSocket: Socket, user: 'zoë', fallback: false }).connect()
  }
  await clock.pass()
  assert.deepEqual(sockets.map((socket) => socket.url), [
    'wss://chat.example/rooms/ws?user=zo%C3%AB',
    'wss://node.example/ws?user=zo%C3%AB',
    'ws://node.example/ws?user=zo%C3%AB',
  ])
})

test('an address that is none is refused with a reason', async () => {
  const { client, clock } = setting({
    WebSocket: class {
      constructor() {
        throw new SyntaxError('no')
      }
    },
  })
  const connecting = client.connect()
  await clock.pass()
  assert.equal(await outcome(connecting), 'invalid')
  assert.equal(client.state, 'offline')
})

test('a token goes into the handshake, and a long one behind it', async () => {
  for (const token of ['short', 'x'.repeat(4001)]) {
    const { client, clock, last } = setting({ token })
    client.connect()
    await clock.pass()
    assert.deepEqual(last().protocols, token === 'short' ? ['apus.v1', 'auth.short'] : ['apus.v1'])
    await last().greet({ user: token === 'short' ? 'alice' : null })
    if (token !== 'short') {
      assert.equal(client.state, 'connecting')
      assert.deepEqual(last().commands, [{ type: 'auth', token, id: 'auth' }])
      await last().answer('auth', { type: 'authenticated', user: 'alice', expires: 0 })
    }
    assert.deepEqual([client.state, client.user], ['connected', 'alice'])
  }
})

test('connected without a user counts only when a pong has come', async () => {
  const { client, clock, last } = setting({ token: 'x' })
  client.connect()
  await clock.pass()
  await last().greet({ user: null })
  assert.equal(client.state, 'connecting')
  await last().pong()
  assert.equal(client.state, 'connected')
})

test('a refused token is asked for anew, once', async () => {
  const asked = []
  const { client, clock, sockets, last } = setting({ token: (why) => asked.push(why) && `token-${asked.length}` })
  const connecting = client.connect()
  for (const _ of [1, 2]) {
    await clock.pass()
    await last().greet({ user: null })
    await last().say({ type: 'error', code: 'expired_token', error: 'Its time is over.', temporary: false })
    await last().end(4001)
    await clock.pass()
  }
  assert.deepEqual(asked, ['connect', 'refused'])
  assert.equal(await outcome(connecting), 'expired_token')
  assert.equal(client.state, 'offline')
  await clock.pass(60_000)
  assert.equal(sockets.length, 2)
})

test('the token callback answers with the same token that was refused', async () => {
  const { client, clock, sockets, last } = setting({ token: () => 'same' })
  const connecting = client.connect()
  await clock.pass()
  await last().greet({ user: null })
  await last().end(4001, 'no')
  await clock.pass()
  assert.equal(await outcome(connecting), 'unauthenticated')
  assert.equal(sockets.length, 1)
})

test('the token callback answers late, after close()', async () => {
  let answer
  const { client, clock, sockets } = setting({ token: () => new Promise((resolve) => (answer = resolve)) })
  client.connect()
  await clock.pass()
  client.close()
  answer('late')
  await clock.pass(60_000)
  assert.equal(sockets.length, 0)
})

test('the token callback answers late, after a reconnect: it is asked once, and one connection is made', async () => {
  let asked = 0
  let answer
  const { client, clock, sockets } = setting({ token: () => ++asked && new Promise((resolve) => (answer = resolve)) })
  client.connect()
  await clock.pass()
  client.reconnect()
  client.reconnect()
  await clock.pass()
  answer('late')
  await clock.pass()
  assert.deepEqual([asked, sockets.length], [1, 1])
})

test('the token callback never answers: attempts end, and calls with them', async () => {
  const { client, clock, sockets } = setting({ token: () => new Promise(() => {}) })
  const connecting = client.connect()
  await clock.pass(10_000)
  assert.equal(await outcome(connecting), 'not_connected')
  assert.equal(client.state, 'connecting')
  assert.equal(sockets.length, 0)
})

test('the token callback throws: told, and tried again', async () => {
  let asked = 0
  const { client, clock, errors, connected } = setting({
    token() {
      if (++asked < 3) throw new Error('503')
      return jwt('alice')
    },
  })
  client.connect()
  await clock.pass(5_000)
  assert.deepEqual(errors.map((error) => [error.code, error.message]), [
    ['no_token', 'No token: 503'],
    ['no_token', 'No token: 503'],
  ])
  await connected()
  assert.equal(client.state, 'connected')
})

test('4002: a new token, at once', async () => {
  const asked = []
  const { clock, sockets, connected } = setting({ token: (why) => asked.push(why) && jwt('alice') })
  const socket = await connected()
  await socket.pong()
  await socket.end(4002)
  await clock.pass()
  assert.deepEqual([asked.length, sockets.length], [2, 2])
})

test('4003: offline, and calls are refused', async () => {
  const { client, clock, sockets, connected } = setting()
  const socket = await connected()
  const states = record(client, 'state')
  const call = watch(client.publish('room', 1))
  await socket.end(4003, 'Banned.')
  await clock.pass(60_000)
  assert.equal(call.outcome, 'outcome_unknown')
  assert.deepEqual(states.map(([, { state, error }]) => [state, error?.code, error?.message]), [['offline', 'refused', 'Banned.']])
  assert.equal(sockets.length, 1)
})

test('a token that ends is renewed on the same connection', async () => {
  const { client, sockets, last, connected } = setting({ token: () => jwt('alice') })
  await connected()
  await last().say({ type: 'expiring', in: 30_000 })
  await last().answer('auth', { type: 'authenticated', user: 'alice', expires: 1 })
  assert.equal(sockets.length, 1)
  assert.equal(client.user, 'alice')
})

test('a token not renewed is an error, and asked for again at half of the time that is left', async () => {
  let asked = 0
  const { clock, errors, connected } = setting({
    token() {
      if (++asked > 1) throw new Error('503')
      return jwt('alice')
    },
  })
  const socket = await connected()
  await socket.say({ type: 'expiring', in: 8_000 })
  assert.equal(asked, 2)
  await clock.pass(3_999)
  assert.equal(asked, 2)
  await clock.pass(1)
  assert.equal(asked, 3)
  assert.equal(errors.length, 2)
})

test("the token callback answers with another user's: a new connection, on which nothing of the old user is repeated", async () => {
  let user = 'alice'
  const { client, clock, sockets, last, subscribed } = setting({ token: () => jwt(user) })
  await subscribed()
  const call = watch(client.publish('room', 'mine'))
  user = 'carol'
  const renewal = client.renew()
  await clock.pass()
  assert.equal(sockets.length, 2)
  await last().greet({ user: 'carol', clientId: 'c-9' })
  await clock.pass()
  assert.equal(await outcome(renewal), 'resolved')
  assert.equal(client.user, 'carol')
  assert.equal(call.outcome, 'outcome_unknown')
  assert.ok(!last().commands.some((command) => command.type === 'publish'))
})

test('attempts grow apart up to 20 s, and never end', async (t) => {
  t.mock.method(Math, 'random', () => 1)
  const { client, clock, sockets, last } = setting()
  client.connect()
  await clock.pass()
  const waits = []
  for (let attempt = 0; attempt < 9; attempt++) {
    await last().end()
    waits.push(client.retryAt - clock.now)
    await clock.pass(waits.at(-1))
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000])
  assert.equal(sockets.length, 10)
})

test('a node that takes connections and ends them at once: attempts grow apart', async () => {
  const { client, clock, sockets, last } = setting()
  client.connect()
  await clock.pass()
  const end = clock.now + 60_000
  while (clock.now < end) {
    if (last().closedWith === null && last().onclose && client.retryAt === null) {
      await last().greet()
      await last().end()
    }
    await clock.pass(50)
  }
  assert.ok(sockets.length < 20, `${sockets.length} attempts in a minute`)
})

test('a connection that was of use is followed by the next within half a second', async () => {
  const { client, clock, last, connected } = setting()
  await connected()
  for (let turn = 0; turn < 5; turn++) {
    await last().pong()
    await clock.pass(1_000)
    await last().end()
    assert.ok(client.retryAt - clock.now <= 500)
    await clock.pass(500)
    await last().greet()
  }
})

test('an attempt is abandoned after ten seconds, and whatever it still says is ignored', async () => {
  const { client, clock, sockets } = setting()
  client.connect()
  await clock.pass(10_500)
  assert.equal(sockets.length, 2)
  assert.equal(sockets[0].closedWith, 1000)
  await sockets[0].greet()
  assert.equal(client.state, 'connecting')
  await sockets[1].greet()
  await sockets[0].end()
  assert.equal(client.state, 'connected')
})

test('drain: connects again at the told moment, and calls under way have a second', async () => {
  const { client, clock, sockets, last, connected } = setting()
  const first = await connected()
  await first.pong()
  const draining = record(client, 'draining')
  await first.say({ type: 'drain', after: 1200 })
  const call = client.request('time')
  await clock.pass(1250)
  assert.equal(sockets.length, 1)
  await first.answer('request', { type: 'response', result: 1 })
  assert.equal(await call, 1)
  await clock.pass(50)
  assert.equal(sockets.length, 2)
  assert.equal(first.closedWith, 1000)
  await last().greet()
  assert.equal(client.state, 'connected')
  assert.deepEqual(draining, [['draining', { after: 1200 }]])
})

test('closed in the second that calls have at a drain: it stays closed', async () => {
  const { client, clock, sockets, connected } = setting()
  const socket = await connected()
  await socket.say({ type: 'drain', after: 0 })
  watch(client.request('time'))
  await clock.pass(100)
  client.close()
  await clock.pass(60_000)
  assert.deepEqual([client.state, sockets.length], ['offline', 1])
})

test('renew rejects with no_token where the callback throws', async () => {
  let isThere = true
  const { client, clock, connected } = setting({
    token() {
      if (!isThere) throw new Error('503')
      return jwt('alice')
    },
  })
  await connected()
  isThere = false
  const renewal = watch(client.renew())
  await clock.pass()
  assert.equal(renewal.outcome, 'no_token')
})

test('close at each step of dialling, then connect: one connection, none leaked', async () => {
  for (const step of ['token', 'dialled', 'greeted', 'pinged']) {
    let give = () => {}
    const { client, clock, page, sockets, last } = setting({ token: () => new Promise((resolve) => (give = resolve)) })
    client.connect()
    await clock.pass()
    if (step !== 'token') {
      give(jwt('alice'))
      await settle()
    }
    if (step === 'greeted' || step === 'pinged') await last().greet({ user: step === 'pinged' ? 'alice' : null })
    client.close()
    assert.equal(client.state, 'offline')
    client.connect()
    await clock.pass()
    give(jwt('alice'))
    await settle()
    await last().greet()
    assert.equal(client.state, 'connected', step)
    assert.equal(sockets.filter((socket) => socket.closedWith === null).length, 1, step)
    client.close()
    await clock.pass(60_000)
    assert.deepEqual([clock.timers, page.listeners], [0, 0], step)
  }
})

test('listeners left on window after close(): 100 clients made and closed leave none', async () => {
  const { Socket, page, clock } = setting()
  const { Apus } = await import('../../../Web/client/apus.js')
  for (let count = 0; count < 100; count++) {
    const client = new Apus('wss://node.example/ws', { WebSocket: Socket, fallback: false })
    client.connect()
    await clock.pass()
    assert.ok(page.listeners > 0)
    client.close()
  }
  await clock.pass(60_000)
  assert.deepEqual([page.listeners, clock.timers], [0, 0])
})

test('close says goodbye, and a handler may close whatever it is told', async () => {
  for (const event of ['state', 'connected', 'latency']) {
    const { client, clock, last, sockets } = setting()
    client.on(event, () => client.close())
    client.connect()
    await clock.pass()
    if (sockets.length) await last().greet()
    if (event === 'latency') await last().pong()
    await clock.pass(60_000)
    assert.equal(client.state, 'offline', event)
    assert.equal(clock.timers, 0, event)
    if (sockets.length) assert.equal(last().closedWith, 1000)
  }
})

test('a log shows no token', async () => {
  const lines = []
  const { connected, last } = setting({ token: () => jwt('alice'), log: (...line) => lines.push(line) })
  await connected()
  await last().say({ type: 'expiring', in: 30_000 })
  assert.ok(lines.length > 3)
  assert.ok(!JSON.stringify(lines).includes(jwt('alice')))
})

test('a token that cannot stand in a handshake is shown behind it', async () => {
  const token = 'a b,\u00e9'
  const { client, clock, last } = setting({ token })
  client.connect()
  await clock.pass()
  assert.deepEqual(last().protocols, ['apus.v1'])
  await last().greet({ user: null })
  assert.deepEqual(last().commands, [{ type: 'auth', token, id: 'auth' }])
})

test('whatever a node does, dials are a second apart', async () => {
  let count = 0
  const ways = {
    drain: () => ({ type: 'drain', after: 0 }),
    4001: 4001,
    4002: 4002,
    1012: 1012,
    expiring: () => ({ type: 'expiring', in: 30_000 }),
    reconnect: (client) => client.reconnect(),
  }
  for (const [name, way] of Object.entries(ways)) {
    const { client, clock, sockets, last } = setting({ token: () => jwt(`user-${++count}`) })
    client.connect()
    const end = clock.now + 20_000
    let served
    while (clock.now < end) {
      if (last() && last() !== served && last().onclose) {
        served = last()
        await served.greet()
        await served.pong()
        if (typeof way === 'number') await served.end(way)
        else {
          const event = way(client)
          if (event) await served.say(event)
        }
      }
      await clock.pass(50)
    }
    assert.ok(sockets.length > 5 && sockets.length <= 22, `${name}: ${sockets.length} dials in 20 s`)
    client.close()
    await clock.pass(60_000)
    assert.equal(clock.timers, 0, name)
  }
})

test('numbers of the node that are none make no loops', async () => {
  for (const number of [0, -5, 1e300, null, 'x', {}, undefined]) {
    const { client, clock, last, connected } = setting({ token: () => jwt('alice') })
    const socket = await connected({ pingInterval: number })
    await socket.pong()
    const before = socket.sent.length
    await clock.pass(5_000)
    assert.ok(socket.sent.length - before <= 5, `${number}: ${socket.sent.length} pings in 5 s`)
    await socket.pong()
    client.channel('room').subscribe({ timeout: 60_000 })
    await clock.pass(1)
    await last().subscribed({ type: 'error', code: 'rate_limited', error: '', temporary: true, retryAfter: number })
    await clock.pass(1_900)
    assert.equal(socket.commands.length, 1)
  }
})

test('connected twice, a pong before it, and an old heart after close(): nothing happens', async () => {
  const { client, clock, sockets, last } = setting()
  const told = record(client, 'connected')
  client.connect()
  await clock.pass()
  await last().pong()
  assert.equal(client.state, 'connecting')
  await last().greet()
  await last().greet({ pingInterval: 1_000 })
  assert.equal(told.length, 1)
  client.close()
  await clock.pass(60_000)
  assert.deepEqual([clock.timers, sockets.length], [0, 1])
})

test('what is no event, or of wrong types, is logged and takes nothing along', async (t) => {
  const unhandled = []
  process.on('unhandledRejection', (error) => unhandled.push(error))
  t.after(() => process.removeAllListeners('unhandledRejection'))
  const lines = []
  const { client, clock, last, connected } = setting({ log: (what, detail) => what === 'error' && lines.push(detail) })
  const socket = await connected()
  for (const data of ['{', 'null', '7', '[]', new ArrayBuffer(0), new ArrayBuffer(2), Uint8Array.of(2, 0, 9, 1).buffer]) {
    socket.onmessage({ data })
  }
  assert.ok(lines.length >= 5, `${lines.length} lines`)
  const channel = client.channel('room')
  const told = record(channel, 'message')
  const subscribing = watch(channel.subscribe({ presence: true }))
  await clock.pass(1)
  socket.subscribed({ epoch: 'e1', offset: 10, members: 7, count: 1 })
  await last().say({ type: 'message', channel: 'room', binary: 7, offset: 11 })
  await clock.pass(1)
  await last().say({ type: 'members', channel: 'room', members: 7 })
  await last().say({ type: 'members', channel: 'room', members: [null] })
  await last().say({ type: 'message', channel: 'room', from: null, data: 'x', ts: 0, offset: 12 })
  await clock.pass(1)
  assert.equal(subscribing.outcome, 'resolved')
  assert.deepEqual(told.map(([, { data }]) => data).at(-1), 'x')
  assert.deepEqual([unhandled, client.state], [[], 'connected'])
})
