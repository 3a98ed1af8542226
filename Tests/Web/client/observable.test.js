import assert from 'node:assert/strict'
import { test } from 'node:test'
import { observable } from '../../../Web/client/extras/observable.js'
import { message, setting } from './support/setting.js'

const types = (socket) => socket.commands.map(({ type }) => type)
const data = (store) => store.getSnapshot().map((each) => each.data)

/** Somebody listens to a store, and gets the last messages of a history. */
async function listening({ clock, last }, store, ...offsets) {
  const leave = store.subscribe(() => {})
  await clock.pass(1)
  await last().subscribed({ epoch: 'e1', offset: offsets.at(-1) })
  const messages = offsets.map((offset) => message(offset))
  await last().answer('history', { epoch: 'e1', offset: offsets.at(-1), messages })
  await clock.pass(1)
  return leave
}

test('a store that was left and is listened to again has each message once', async () => {
  const place = setting()
  const socket = await place.connected()
  const store = observable(place.client.channel('room'), { keep: 50 })
  const leave = await listening(place, store, 1, 2, 3)
  assert.deepEqual(data(store), [1, 2, 3])
  leave()
  await place.clock.pass(1)
  assert.deepEqual(types(socket), ['subscribe', 'history', 'unsubscribe'])
  await socket.answer('unsubscribe', { type: 'unsubscribed' })
  await listening(place, store, 2, 3, 4)
  assert.deepEqual(data(store), [2, 3, 4])
})

test('a store that is left and listened to again in one turn keeps what it has, and nothing is sent', async () => {
  const place = setting()
  const socket = await place.connected()
  const store = observable(place.client.channel('room'), { keep: 50 })
  const leave = await listening(place, store, 1, 2, 3)
  leave()
  const again = store.subscribe(() => {})
  await place.clock.pass(10)
  await socket.say(message(4))
  assert.deepEqual(types(socket), ['subscribe', 'history'])
  assert.deepEqual(data(store), [1, 2, 3, 4])
  again()
  again()
  await place.clock.pass(10)
  assert.deepEqual([types(socket).at(-1), data(store)], ['unsubscribe', []])
})

test('a store keeps no more than it is to, and tells each listener at once and after each message', async () => {
  const place = setting()
  const socket = await place.connected()
  const store = observable(place.client.channel('room'), { keep: 2 })
  const told = []
  const leave = await listening(place, store, 1, 2)
  const off = store.subscribe((messages) => told.push(messages.map((each) => each.data)))
  await socket.say(message(3))
  off()
  await socket.say(message(4))
  assert.deepEqual(told, [[1, 2], [2, 3]])
  assert.deepEqual(data(store), [3, 4])
  leave()
})

test('a history that begins anew: no two messages of a store have the same offset', async () => {
  const place = setting()
  const socket = await place.connected()
  const store = observable(place.client.channel('room'))
  await listening(place, store, 1, 2, 3)
  await socket.say({ type: 'gap', channel: 'room', epoch: 'e2', offset: 0 })
  await socket.say(message(1, 'new'))
  assert.deepEqual(data(store), ['new'])
})
