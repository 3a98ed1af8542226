import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientOf, collect, proxyFor, sleep, startNode, until } from './support.js'

const PUBLISHES = 200
const CUTS = 10

/** Publishes while the connection is cut again and again; gives what became of each, once all is settled. */
async function publishOverCuts(client, channel, proxy) {
  const outcomes = []
  for (let number = 0; number < PUBLISHES; number++) {
    const call = client.publish(channel, number, { timeout: 30_000, queue: true })
    outcomes.push(call.then(() => 'resolved', (error) => error.code))
    if (number % (PUBLISHES / CUTS) === PUBLISHES / CUTS - 1) {
      // A connection that was of no use would be followed by longer and longer waits.
      await until(() => client.latency !== null)
      await sleep(Math.random() * 10)
      proxy.cut()
    }
    if (number % 10 === 9) await sleep(2)
  }
  return Promise.all(outcomes)
}

for (const kind of ['websocket', 'sse']) {
  test(`${PUBLISHES} publishes over ${CUTS} cuts by ${kind}: each once and in order for a user`, { timeout: 90_000 }, async (t) => {
    const node = await startNode(t)
    const proxy = await proxyFor(t, kind, node)
    const alice = clientOf(t, proxy.ws, { queue: PUBLISHES })
    const bob = clientOf(t, node.ws, { user: 'bob' })
    const told = collect(bob.channel('demo:room'))
    await bob.channel('demo:room').subscribe()
    await alice.channel('demo:room').subscribe()
    const outcomes = await publishOverCuts(alice, 'demo:room', proxy)
    await until(() => told.length >= PUBLISHES)
    assert.deepEqual(told, [...Array(PUBLISHES).keys()])
    assert.deepEqual(new Set(outcomes), new Set(['resolved']))
  })
}

test(`${PUBLISHES} publishes over ${CUTS} cuts: none is lost in silence for an anonymous client`, { timeout: 90_000 }, async (t) => {
  const node = await startNode(t)
  const proxy = await proxyFor(t, 'websocket', node)
  const somebody = clientOf(t, proxy.ws, { user: undefined, queue: PUBLISHES })
  const bob = clientOf(t, node.ws, { user: 'bob' })
  const told = collect(bob.channel('demo:room'))
  await bob.channel('demo:room').subscribe()
  const outcomes = await publishOverCuts(somebody, 'demo:room', proxy)
  await sleep(500)
  assert.equal(new Set(told).size, told.length, 'one came twice')
  outcomes.forEach((outcome, number) => {
    if (outcome === 'resolved') assert.ok(told.includes(number), `${number} was confirmed and is lost`)
    else assert.equal(outcome, 'outcome_unknown')
  })
})

test('a listener over cuts, and over a node that dies, misses nothing and is told so', { timeout: 90_000 }, async (t) => {
  const node = await startNode(t)
  const proxy = await proxyFor(t, 'websocket', node)
  const alice = clientOf(t, proxy.ws)
  const bob = clientOf(t, node.ws, { user: 'bob' })
  const told = collect(alice.channel('demo:room'))
  await alice.channel('demo:room').subscribe()
  for (let number = 0; number < 100; number++) {
    await bob.publish('demo:room', number)
    if (number % 20 === 10) proxy.cut()
  }
  await until(() => told.length >= 100)
  assert.deepEqual(told, [...Array(100).keys()])
})
