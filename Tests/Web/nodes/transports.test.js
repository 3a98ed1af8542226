import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientOf, collect, proxyFor, startNode, startRedis, until } from './support.js'

for (const kind of ['websocket', 'sse', 'poll']) {
  test(`two people on two nodes talk, over cuts, by ${kind}`, { timeout: 60_000 }, async (t) => {
    const redis = await startRedis(t)
    const [first, second] = await Promise.all([startNode(t, { redis }), startNode(t, { redis })])
    const proxy = await proxyFor(t, kind, first)
    const alice = clientOf(t, proxy.ws)
    const bob = clientOf(t, second.ws, { user: 'bob' })
    const rooms = [alice, bob].map((client) => client.channel('demo:room'))
    const told = rooms.map(collect)
    await Promise.all(rooms.map((room) => room.subscribe()))
    assert.deepEqual([alice.transport, alice.user], [kind, 'alice'])
    await rooms[0].publish('from alice')
    await rooms[1].publish('from bob')
    const both = ['from alice', 'from bob']
    await until(() => told.every((list) => list.length === 2))
    assert.deepEqual(told, [both, both])
    proxy.target = second
    proxy.cut()
    await rooms[1].publish('while away')
    await rooms[0].publish('back')
    await until(() => told.every((list) => list.length === 4))
    assert.deepEqual(new Set(told[0]), new Set([...both, 'while away', 'back']))
    assert.deepEqual(told[0], told[1])
    assert.deepEqual(alice.errors, [])
  })
}
