import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Locks, Network } from './support/network.js'
import { message, record, setting, settle, watch } from './support/setting.js'

/** A client that gets no WebSocket through. */
function blocked(t, { locks = new Locks(), storage = {}, ...options } = {}) {
  const network = new Network()
  Object.defineProperty(globalThis, 'navigator', { value: { locks }, configurable: true })
  globalThis.sessionStorage = storage
  t.after(() => delete globalThis.sessionStorage)
  const place = setting({ fallback: true, ...options })
  const blocked = {
    ...place,
    network,

    async connected() {
      place.client.connect()
      for (let attempt = 0; attempt < 2; attempt++) {
        await place.clock.pass()
        await place.last().end()
        await place.clock.pass(place.client.retryAt - place.clock.now)
      }
      await settle()
      await network.greet()
    },

    /** Connects and subscribes; gives the channel and its stream. */
    async subscribed(reply = { epoch: 'e1', offset: 10 }) {
      await blocked.connected()
      const channel = place.client.channel('room')
      channel.subscribe()
      await place.clock.pass(30)
      const stream = await network.stream(network.last('/events'))
      await stream.say({ type: 'connected' }, { type: 'subscribed', channel: 'room', ...reply })
      await place.clock.pass(1)
      return { channel, stream }
    },
  }
  return blocked
}

test('after two failed attempts without ever an open WebSocket: a stream', async (t) => {
  const { client, network, subscribed } = blocked(t)
  const { channel, stream } = await subscribed()
  const told = record(channel, 'message')
  await stream.say(message(11))
  assert.deepEqual([client.transport, client.user, channel.state], ['sse', 'alice', 'subscribed'])
  assert.deepEqual(told.map(([, { data }]) => data), [11])
  const { session, channels } = network.last('/events').body
  assert.match(session, /^\d{22,64}$/)
  assert.deepEqual(channels.map(({ channel }) => channel), ['room'])
  assert.ok(!network.requests.some(({ url }) => url.includes(session)))
})

test('after 5 s of a WebSocket that hangs: a stream', async (t) => {
  const { client, clock, network, sockets } = blocked(t)
  client.connect()
  await clock.pass(5_600)
  await settle()
  assert.equal(sockets.length, 1)
  await network.greet()
  assert.equal(client.transport, 'sse')
})

test('fallback: false, and a network that once had a WebSocket: never', async (t) => {
  for (const fallback of [false, true]) {
    const { client, clock, network, last } = blocked(t, { fallback })
    client.connect()
    await clock.pass()
    if (fallback) await last().greet()
    for (let attempt = 0; attempt < 6; attempt++) {
      await last().end()
      await clock.pass(20_000)
    }
    assert.equal(network.requests.length, 0)
  }
})

test('a tab remembers it, and a WebSocket is tried again at every reconnect and every five minutes', async (t) => {
  const storage = {}
  const first = blocked(t, { storage })
  await first.connected()
  first.client.close()
  assert.ok(storage['apus-transport'])
  storage.removeItem = (name) => delete storage[name]
  const second = blocked(t, { storage })
  second.client.connect()
  await second.clock.pass()
  await settle()
  assert.equal(second.sockets.length, 0)
  await second.network.greet()
  assert.equal(second.client.transport, 'sse')
  second.client.reconnect()
  await second.clock.pass()
  assert.equal(second.sockets.length, 1)
  await second.last().end()
  await second.clock.pass(1_000)
  await settle()
  await second.network.greet()
  for (let passed = 0; passed < 300_000; passed += 5_000) {
    await second.clock.pass(5_000)
    const ping = second.network.last('/commands')
    if (ping.isOpen) await second.network.answer(ping, [{ type: 'pong', ts: 0 }])
  }
  assert.equal(second.sockets.length, 2)
  second.last().onopen()
  await second.clock.pass()
  await second.last().greet()
  assert.equal(second.client.transport, 'websocket')
  assert.equal(storage['apus-transport'], undefined)
})

test('storage that throws harms nothing', async (t) => {
  const storage = new Proxy({}, {
    get() {
      throw new Error('forbidden')
    },
    set() {
      throw new Error('forbidden')
    },
  })
  const { client, connected } = blocked(t, { storage })
  await connected()
  assert.equal(client.transport, 'sse')
})

test('another channel is another stream, from where the first one stands; the old one ends when the new one is there', async (t) => {
  const { client, clock, network, subscribed } = blocked(t)
  const { channel, stream } = await subscribed()
  const told = record(channel, 'message', 'gap')
  await stream.say(message(11))
  const old = network.last('/events')
  const other = watch(client.channel('other').subscribe())
  await clock.pass(30)
  const request = network.last('/events')
  assert.deepEqual(request.body.channels.map(({ channel, since }) => [channel, since?.offset]), [['room', 11], ['other', undefined]])
  const next = await network.stream(request)
  await stream.say(message(12))
  assert.ok(!old.signal.aborted)
  await next.say({ type: 'subscribed', channel: 'room', epoch: 'e1', offset: 11, recovered: true })
  await next.say({ type: 'subscribed', channel: 'other' }, message(12), message(13))
  assert.ok(old.signal.aborted)
  assert.deepEqual(told.map(([, { data }]) => data), [11, 12, 13])
  assert.equal(other.outcome, 'resolved')
})

test('a stream that hangs: something buffers, so it polls', async (t) => {
  const { client, clock, network, connected } = blocked(t)
  await connected()
  const channel = client.channel('room')
  const subscribing = watch(channel.subscribe())
  const told = record(channel, 'message')
  await clock.pass(30)
  await network.stream(network.last('/events'))
  await clock.pass(5_100)
  assert.equal(client.transport, 'poll')
  const room = { channel: 'room', epoch: 'e1', offset: 4 }
  await network.answer(network.last('/poll'), { node: 'n', author: 'h', events: [], channels: [room] })
  assert.equal(subscribing.outcome, 'resolved')
  await clock.pass(1)
  await network.answer(network.last('/poll'), { node: 'n', author: 'h', events: [message(5)], channels: [{ ...room, offset: 5 }] })
  assert.deepEqual(told.map(([, { data }]) => data), [5])
  assert.deepEqual(network.last('/poll').body.channels[0].since, { epoch: 'e1', offset: 5 })
})

test('what the first poll after an outage brings is handed over, too', async (t) => {
  const { client, clock, network, connected } = blocked(t)
  await connected()
  const channel = client.channel('room')
  const subscribed = record(channel, 'subscribed')
  const told = record(channel, 'message', 'gap')
  channel.subscribe({ since: { epoch: 'e1', offset: 3 } })
  await clock.pass(30)
  await network.stream(network.last('/events'))
  await clock.pass(5_100)
  const room = { channel: 'room', epoch: 'e1', offset: 5 }
  await network.answer(network.last('/poll'), { node: 'n', author: 'h', events: [message(4), message(5)], channels: [room] })
  await clock.pass(1)
  assert.deepEqual(told.map(([kind, { data }]) => [kind, data]), [['message', 4], ['message', 5]])
  assert.deepEqual(channel.position, { epoch: 'e1', offset: 5 })
  assert.equal(subscribed.length, 1)
})

test('a client without a channel has a stream for what is for its user', async (t) => {
  const { client, clock, network, connected } = blocked(t)
  await connected()
  const told = record(client, 'notification')
  await clock.pass(30)
  assert.deepEqual(network.last('/events').body.channels, [])
  const stream = await network.stream(network.last('/events'))
  await stream.say({ type: 'connected' }, { type: 'notification', data: 'hello' })
  assert.equal(told[0][1].data, 'hello')
})

test('six tabs and a seventh: three have streams, the others poll every three seconds', async (t) => {
  const locks = new Locks()
  const kinds = []
  for (let tab = 0; tab < 7; tab++) {
    const { client, clock, network, connected } = blocked(t, { locks })
    await connected()
    client.channel('room').subscribe()
    await clock.pass(30)
    kinds.push(client.transport)
    if (tab < 6) continue
    assert.equal(network.last('/poll').body.wait, 0)
    await network.answer(network.last('/poll'), { node: 'n', author: 'h', events: [], channels: [{ channel: 'room' }] })
    await clock.pass(2_900)
    assert.ok(!network.last('/poll').isOpen)
    await clock.pass(200)
    assert.ok(network.last('/poll').isOpen)
  }
  assert.deepEqual(kinds, ['sse', 'sse', 'sse', 'poll', 'poll', 'poll', 'poll'])
})

test('a place for a stream is given back', async (t) => {
  const locks = new Locks()
  for (let tab = 0; tab < 7; tab++) {
    const { client, connected } = blocked(t, { locks })
    await connected()
    assert.equal(client.transport, 'sse')
    client.close()
    await settle()
  }
})

test('a POST that is never answered: the connection is dead after ten seconds, and nothing is left of it', async (t) => {
  const { client, clock, network, connected } = blocked(t)
  await connected()
  const post = network.last('/commands')
  await clock.pass(10_100)
  assert.ok(post.signal.aborted)
  assert.equal(client.state, 'reconnecting')
})

test('a proxy that answers HTML: tried again, further and further apart', async (t) => {
  t.mock.method(Math, 'random', () => 0.5)
  const unhandled = []
  process.on('unhandledRejection', (error) => unhandled.push(error))
  t.after(() => process.removeAllListeners('unhandledRejection'))
  const { client, clock, network, last } = blocked(t)
  client.connect()
  const end = clock.now + 60_000
  while (clock.now < end) {
    for (const request of network.requests) if (request.isOpen) await network.answer(request, '<html>Log in</html>')
    if (last()?.onclose && last().closedWith === null) await last().end()
    await clock.pass(100)
  }
  assert.notEqual(client.state, 'connected')
  assert.ok(network.requests.length < 12, `${network.requests.length} requests in a minute`)
  assert.deepEqual(unhandled, [])
})

test('a token that is refused is asked for anew, as by WebSocket', async (t) => {
  const asked = []
  const { client, clock, network, last } = blocked(t, { token: (why) => asked.push(why) && `token-${asked.length}` })
  const connecting = watch(client.connect())
  for (let attempt = 0; attempt < 2; attempt++) {
    await clock.pass()
    await last().end()
    await clock.pass(client.retryAt - clock.now)
  }
  await settle()
  assert.equal(network.last('/commands').headers.Authorization, 'Bearer token-3')
  await network.answer(network.last('/commands'), { code: 'expired_token', error: 'Over.' }, 401)
  await clock.pass()
  assert.equal(asked.at(-1), 'refused')
  await settle()
  await network.answer(network.last('/commands'), { code: 'expired_token', error: 'Over.' }, 401)
  await clock.pass()
  assert.equal(connecting.outcome, 'expired_token')
  assert.equal(client.state, 'offline')
})

test('the end of a stream is the end of the connection, with its code', async (t) => {
  const { client, subscribed, clock, network } = blocked(t)
  const { stream } = await subscribed()
  await stream.say({ type: 'close', code: 4003 })
  assert.equal(client.state, 'offline')
  await clock.pass(60_000)
  assert.ok(network.requests.every((request) => !request.isOpen || request.signal.aborted))
})

test('commands go one POST at a time, and signals with them', async (t) => {
  const { client, network, connected } = blocked(t)
  await connected()
  await network.answer(network.last('/commands'), [{ type: 'pong', ts: 0 }])
  const calls = [1, 2].map((data) => watch(client.publish('room', data, { key: `k${data}` })))
  client.signal('room', 'x')
  await settle()
  const first = network.last('/commands')
  assert.deepEqual(first.body.commands.map(({ type, data }) => [type, data]), [['publish', 1]])
  await network.answer(first, [{ type: 'published', id: first.body.commands[0].id, channel: 'room' }])
  const second = network.last('/commands')
  assert.deepEqual(second.body.commands.map(({ type }) => type), ['publish', 'signal'])
  await network.answer(second, [{ type: 'published', id: second.body.commands[0].id }, { type: 'signalled', channel: 'room' }])
  assert.deepEqual(calls.map((call) => call.outcome), ['resolved', 'resolved'])
})

const forbidden = (channel) => ({ code: 'forbidden', error: `Not ${channel}.`, channel, temporary: false })

test('a refused channel takes no other along, by stream', async (t) => {
  const { client, clock, network, errors, subscribed } = blocked(t)
  const { channel, stream } = await subscribed()
  const told = record(channel, 'message', 'ended')
  const refused = watch(client.channel('$x').subscribe())
  await clock.pass(30)
  const request = network.last('/events')
  assert.deepEqual(request.body.channels.map(({ channel }) => channel), ['room', '$x'])
  await network.answer(request, forbidden('$x'), 403)
  assert.deepEqual([refused.outcome, client.state, client.channel('$x').state], ['forbidden', 'connected', 'unsubscribed'])
  await stream.say(message(11))
  await clock.pass(30)
  const next = network.last('/events')
  assert.deepEqual(next.body.channels.map(({ channel, since }) => [channel, since.offset]), [['room', 11]])
  const count = network.requests.filter(({ path }) => path === '/events').length
  await (await network.stream(next)).say({ type: 'subscribed', channel: 'room', epoch: 'e1', offset: 11 }, message(12))
  await clock.pass(6_000)
  assert.deepEqual(told.map(([, { data }]) => data), [11, 12])
  assert.equal(network.requests.filter(({ path }) => path === '/events').length, count)
  assert.deepEqual([client.transport, errors], ['sse', []])
})

test('a refused channel takes no other along, by polls', async (t) => {
  const locks = { request: (name, options, work) => Promise.resolve(work(null)) }
  const { client, clock, network, connected } = blocked(t, { locks })
  await connected()
  const calls = ['room', '$x', '$y'].map((name) => watch(client.channel(name).subscribe()))
  await clock.pass(30)
  await network.answer(network.last('/poll'), forbidden('$x'), 403)
  await clock.pass(30)
  await network.answer(network.last('/poll'), forbidden('$y'), 403)
  await clock.pass(30)
  assert.deepEqual(network.last('/poll').body.channels.map(({ channel }) => channel), ['room'])
  await network.answer(network.last('/poll'), { events: [], channels: [{ channel: 'room' }] })
  assert.deepEqual(calls.map(({ outcome }) => outcome), ['resolved', 'forbidden', 'forbidden'])
  assert.equal(client.state, 'connected')
})

test('a channel that was confirmed and is refused later ends, alone', async (t) => {
  const { client, clock, network, subscribed } = blocked(t)
  const { channel } = await subscribed()
  const told = record(channel, 'ended')
  const other = watch(client.channel('other').subscribe())
  await clock.pass(30)
  await network.answer(network.last('/events'), forbidden('room'), 403)
  assert.deepEqual(told, [['ended', { reason: 'server' }]])
  await clock.pass(30)
  assert.deepEqual(network.last('/events').body.channels.map(({ channel }) => channel), ['other'])
  await (await network.stream(network.last('/events'))).say({ type: 'subscribed', channel: 'other' })
  assert.deepEqual([other.outcome, client.state], ['resolved', 'connected'])
})

test('a channel that is refused for now is asked for again later', async (t) => {
  const { client, clock, network, connected } = blocked(t)
  await connected()
  const call = watch(client.channel('room').subscribe())
  await clock.pass(30)
  const no = { code: 'unavailable', error: 'Redis.', channel: 'room', temporary: true }
  await network.answer(network.last('/events'), no, 503)
  await clock.pass(4_000)
  assert.deepEqual(network.last('/events').body.channels.map(({ channel }) => channel), ['room'])
  await (await network.stream(network.last('/events'))).say({ type: 'subscribed', channel: 'room' })
  assert.deepEqual([call.outcome, client.state], ['resolved', 'connected'])
})

test('a refusal of a channel that was not asked for is the end of the connection, not a loop', async (t) => {
  const { client, clock, network, subscribed } = blocked(t)
  await subscribed()
  client.channel('other').subscribe()
  await clock.pass(30)
  await network.answer(network.last('/events'), forbidden('nowhere'), 403)
  assert.equal(client.state, 'reconnecting')
})

test('channels that come in quick succession leave no stream open behind them', async (t) => {
  const { client, clock, network, subscribed } = blocked(t)
  await subscribed()
  for (const name of ['a', 'b', 'c']) {
    client.channel(name).subscribe()
    await clock.pass(30)
  }
  const streams = network.requests.filter(({ path }) => path === '/events')
  const next = await network.stream(streams.at(-1))
  for (const channel of ['room', 'a', 'b', 'c']) await next.say({ type: 'subscribed', channel })
  assert.deepEqual(streams.filter(({ signal }) => !signal.aborted), [streams.at(-1)])
  client.close()
  assert.ok(streams.every(({ signal }) => signal.aborted))
})

test('polls that are answered at once with nothing are a second apart', async (t) => {
  const { client, clock, network, connected } = blocked(t)
  await connected()
  client.channel('room').subscribe()
  await clock.pass(30)
  await clock.pass(5_100)
  const end = clock.now + 10_000
  while (clock.now < end) {
    if (network.last('/poll').isOpen) await network.answer(network.last('/poll'), { events: [], channels: [{ channel: 'room' }] })
    const ping = network.last('/commands')
    if (ping.isOpen) await network.answer(ping, [{ type: 'pong', ts: 0 }])
    await clock.pass(10)
  }
  const count = network.requests.filter(({ path }) => path === '/poll').length
  assert.ok(count >= 8 && count <= 13, `${count} polls in ten seconds`)
})

/** A client in a tab that has no place for a stream, so it polls; `answer` says that nothing is new in these channels. */
async function polling(t) {
  const locks = { request: (name, options, work) => Promise.resolve(work(null)) }
  const place = blocked(t, { locks })
  await place.connected()
  const answer = async (...channels) => {
    const { network, clock } = place
    await network.answer(network.last('/poll'), { events: [], channels })
    const ping = network.last('/commands')
    if (ping.isOpen) await network.answer(ping, [{ type: 'pong', ts: 0 }])
    await clock.pass(3_100)
  }
  return { ...place, answer }
}

const kept = { channel: 'kept', epoch: 'e1', offset: 4 }

test('polls tell a gap of a channel without history once, and once more when a WebSocket takes over', async (t) => {
  const { client, clock, network, last, answer } = await polling(t)
  const told = record(client.channel('room'), 'subscribed', 'gap')
  const others = record(client.channel('kept'), 'gap')
  client.channel('room').subscribe()
  client.channel('kept').subscribe()
  await clock.pass(30)
  const events = () => told.map(([event]) => event)
  await answer({ channel: 'room' }, kept)
  assert.deepEqual(events(), ['subscribed'])
  for (let poll = 0; poll < 96; poll++) await answer({ channel: 'room' }, kept)
  assert.deepEqual(events(), ['subscribed', 'gap'])
  last().onopen()
  assert.deepEqual(events(), ['subscribed', 'gap', 'gap'])
  await clock.pass()
  assert.equal(network.last('/poll').signal.aborted, true)
  assert.deepEqual(others, [])
})

test('a gap tells also when polls fail, and again of a channel that was left meanwhile', async (t) => {
  const { client, clock, network, answer } = await polling(t)
  const channel = client.channel('room')
  const told = record(channel, 'gap')
  for (const gaps of [1, 2]) {
    channel.subscribe()
    await clock.pass(30)
    await answer({ channel: 'room' })
    await answer({ channel: 'room' })
    assert.equal(told.length, gaps)
    if (gaps === 2) break
    channel.unsubscribe()
    await clock.pass(30)
  }
  network.last('/poll').fail(new Error('gone'))
  await settle()
  assert.deepEqual([told.length, client.state], [3, 'reconnecting'])
})

test('events on a stream that are no events take nothing along', async (t) => {
  const { client, subscribed } = blocked(t)
  const { channel, stream } = await subscribed()
  const told = record(channel, 'message')
  await stream.say(null, 7, 'x', [])
  await stream.say(message(11))
  assert.deepEqual([client.state, told.length], ['connected', 1])
})
