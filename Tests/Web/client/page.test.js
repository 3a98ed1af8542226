import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setting } from './support/setting.js'

test('back in a tab: a closed client does not dial', async () => {
  const { client, clock, page, sockets, connected } = setting()
  await connected()
  client.close()
  page.show()
  page.tell('online')
  page.tell('pageshow', { persisted: true })
  await clock.pass(60_000)
  assert.equal(sockets.length, 1)
})

test('back in a tab: an attempt that hangs is not waited for', async () => {
  const { client, clock, page, sockets } = setting()
  client.connect()
  await clock.pass(2_500)
  page.show()
  await clock.pass(10)
  assert.equal(sockets.length, 2)
  assert.equal(sockets[0].closedWith, 1000)
})

test('back in a tab while waiting: dials now, at most once a second', async () => {
  const { client, clock, page, sockets, last } = setting()
  client.connect()
  await clock.pass()
  for (let turn = 0; turn < 20; turn++) {
    page.show()
    await clock.pass(50)
    await last().end()
  }
  await clock.pass(5)
  assert.ok(sockets.length <= 4, `${sockets.length} attempts in a second`)
})

test('online too early: the second attempt within a second', async (t) => {
  // The longest waits.
  t.mock.method(Math, 'random', () => 0.999)
  const { client, clock, page, sockets, last } = setting()
  client.connect()
  for (let turn = 0; turn < 8; turn++) {
    await clock.pass(10_000)
    await last().end()
  }
  await clock.pass(1_000)
  const before = sockets.length
  page.tell('online')
  await clock.pass(10)
  assert.equal(sockets.length, before + 1)
  await last().end()
  page.tell('online')
  await clock.pass(1_000)
  assert.equal(sockets.length, before + 2)
})

test('a late timer does not kill a healthy connection whose pong waits in the socket', async () => {
  const { client, clock, sockets, connected } = setting()
  const socket = await connected()
  await socket.pong()
  await clock.pass(25_000)
  clock.sleep(60_000)
  await clock.pass(0)
  await socket.pong()
  await clock.pass(20_000)
  await socket.pong()
  assert.equal(client.state, 'connected')
  assert.equal(sockets.length, 1)
})

test('silence after a ping is the end of the connection', async () => {
  const { client, clock, sockets, connected } = setting()
  await connected()
  await clock.pass(9_900)
  assert.equal(client.state, 'connected')
  await clock.pass(700)
  assert.equal(sockets.length, 2)
  assert.equal(sockets[0].closedWith, 1000)
})

test('a ping of the old connection does not kill the new one', async () => {
  const { client, clock, sockets, last, connected } = setting()
  await connected()
  await clock.pass(9_000)
  await last().end()
  await clock.pass(500)
  await last().greet()
  await last().pong()
  await clock.pass(9_000)
  assert.equal(client.state, 'connected')
  assert.equal(sockets.length, 2)
})

test('back in a tab: a connection that is dead is found within three seconds', async () => {
  const { clock, page, sockets, connected } = setting()
  const socket = await connected()
  await socket.pong()
  page.hide()
  await clock.pass(300_000)
  assert.equal(sockets.length, 1)
  page.show()
  await clock.pass(3_600)
  assert.equal(sockets.length, 2)
})

test('the event offline closes nothing by itself', async () => {
  const { client, clock, page, connected } = setting()
  const socket = await connected()
  await socket.pong()
  page.tell('offline')
  await clock.pass(1_000)
  await socket.pong()
  await clock.pass(5_000)
  assert.equal(client.state, 'connected')
})

test('timers once a minute for ten minutes: no reconnect', async () => {
  const { client, clock, page, sockets, connected } = setting()
  const socket = await connected()
  await socket.pong()
  page.hide()
  for (let minute = 0; minute < 10; minute++) {
    clock.sleep(60_000)
    await clock.pass(0)
  }
  page.show()
  await clock.pass(0)
  await socket.pong()
  await clock.pass(5_000)
  assert.equal(client.state, 'connected')
  assert.equal(sockets.length, 1)
})

test('a machine that slept: the connection is looked at without any event of the page', async () => {
  const { clock, sockets, connected } = setting()
  const socket = await connected()
  await socket.pong()
  clock.sleep(3_600_000)
  await clock.pass(5_500)
  assert.equal(sockets.length, 2)
})

test('pagehide closes and keeps everything; pageshow from the cache comes back', async () => {
  const { clock, page, sockets, last, subscribed } = setting()
  const channel = await subscribed()
  page.tell('pagehide')
  assert.equal(sockets[0].closedWith, 1000)
  await clock.pass(60_000)
  assert.equal(sockets.length, 1)
  page.tell('pageshow', { persisted: true })
  await clock.pass(10)
  await last().greet()
  assert.deepEqual(last().commands, [{ id: 2, type: 'subscribe', channel: 'room', since: { epoch: 'e1', offset: 10 } }])
  assert.equal(channel.state, 'subscribing')
})

test("a browser's close at a download link: back in half a second", async () => {
  const { client, clock, sockets, last, connected } = setting()
  const socket = await connected()
  await socket.pong()
  await socket.end(1001)
  await clock.pass(500)
  assert.equal(sockets.length, 2)
  await last().greet()
  assert.equal(client.state, 'connected')
})
