import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Apus } from '../../../Web/client/apus.js'
import { Clock } from './support/clock.js'
import { Page } from './support/page.js'
import { randomness } from './support/random.js'
import { SimulatedNode } from './support/simulated_node.js'
import { watch } from './support/setting.js'

const RUNS = 150
const STEPS = 120
const NAMES = ['a', 'b']

/** A channel's handle with what it was told, and whether that can be right. */
class Listener {
  told = []

  constructor(channel) {
    this.channel = channel
    for (const event of ['message', 'gap', 'subscribed', 'ended']) channel.on(event, (value) => this.hear(event, value))
  }

  hear(event, value) {
    this.told.push(event === 'message' ? value.offset : event)
    if (event === 'message') {
      assert.ok(this.isSubscribed !== false, 'a message after unsubscribe()')
      if (this.next !== undefined) assert.equal(value.offset, this.next, `neither in order nor a gap: ${this.told.slice(-8)}`)
      this.next = value.offset + 1
    } else if (event === 'gap') this.next = value.offset + 1
    else if (event === 'subscribed' && !value.again) this.next = value.offset + 1
  }

  subscribe() {
    this.isSubscribed = true
    // Who comes to a subscription that stands hears nothing of where it stands.
    this.next = undefined
    this.channel.subscribe()
  }

  unsubscribe() {
    this.isSubscribed = false
    this.channel.unsubscribe()
  }
}

/** One life of a client, by a seed. */
async function play(seed) {
  const random = randomness(seed)
  const clock = new Clock()
  const page = new Page()
  const { random: mathRandom } = Math
  Math.random = random.next
  const node = new SimulatedNode(random)
  const failures = []
  globalThis.reportError = (error) => failures.push(error)
  const client = new Apus('wss://node.example/ws', { WebSocket: node.Socket, fallback: false })
  const listeners = NAMES.flatMap((name) => [1, 2].map(() => new Listener(client.channel(name))))
  const calls = []
  // Orders are only promised where the node is sure of what it has done.
  node.timeouts = seed % 3 === 0 ? 0.2 : 0

  const steps = {
    subscribe: () => random.pick(listeners).subscribe(),
    unsubscribe: () => random.chance(0.3) && random.pick(listeners).unsubscribe(),
    publish() {
      for (let count = random.below(5); count >= 0; count--) {
        const name = random.pick(NAMES)
        const data = `${seed}-${calls.length}`
        calls.push({ name, data, ...watched(client.publish(name, data, { key: random.chance(0.5) || undefined })) })
      }
    },
    others() {
      for (let count = random.below(random.chance(0.1) ? 60 : 4); count >= 0; count--) {
        const channel = random.pick(NAMES)
        node._publish({ clientId: 'c-0' }, { channel, data: 'of another' }, node.channel(channel))
      }
    },
    cut: () => node.sockets.size && node.cut(random.pick([...node.sockets]), random.chance(0.3)),
    forget: () => random.chance(0.1) && node.forget(random.pick(NAMES)),
    sleep: () => random.chance(0.2) && clock.sleep(random.below(60_000)),
    hide: () => page.hide(),
    show: () => page.show(),
    reconnect: () => random.chance(0.3) && client.reconnect(),
    close() {
      if (!random.chance(0.1)) return
      client.close()
      client.connect()
    },
  }
  const watched = (promise) => ({ watched: watch(promise) })
  const kept = recordHistories(node)
  try {
    for (let step = 0; step < STEPS; step++) {
      steps[random.pick(Object.keys(steps))]()
      await clock.pass(random.pick([0, 1, 20, 200, 2_000]))
    }
    page.show()
    await clock.pass(60_000)
    assert.deepEqual(failures.map((error) => error.message), [])
    checkListeners(listeners, node)
    checkCalls(calls, kept, node.timeouts === 0)
  } finally {
    Math.random = mathRandom
    client.close()
  }
  await clock.pass(60_000)
  assert.equal(clock.timers, 0, 'timers are left')
}

/** All data that the node has ever taken, by channel; what it has forgotten included. */
function recordHistories(node) {
  const kept = new Map(NAMES.map((name) => [name, []]))
  const publish = node._publish.bind(node)
  node._publish = (socket, command, channel) => {
    const before = channel.offset
    const reply = publish(socket, command, channel)
    if (channel.offset > before) kept.get(command.channel).push(command.data)
    return reply
  }
  return kept
}

function checkListeners(listeners, node) {
  for (const { channel, isSubscribed } of listeners) {
    if (!isSubscribed) continue
    assert.equal(channel.state, 'subscribed')
    assert.equal(channel.position.offset, node.channel(channel.name).offset, 'the newest message is missing')
  }
}

/** How often a publish may have been taken, by what has become of it. */
const TIMES = { resolved: [1], timeout: [0, 1], outcome_unknown: [0, 1], not_connected: [0], queue_full: [0], closed: [0] }

function checkCalls(calls, kept, isOrdered) {
  const times = ({ name, data }) => kept.get(name).filter((other) => other === data).length
  for (const call of calls) {
    const { outcome } = call.watched
    const expected = TIMES[outcome]
    assert.ok(expected, `a publish became ${outcome}`)
    assert.ok(expected.includes(times(call)), `a publish that was ${outcome} came ${times(call)} times`)
  }
  if (!isOrdered) return
  for (const name of NAMES) {
    const resolved = calls.filter((call) => call.name === name && call.watched.outcome === 'resolved').map((call) => call.data)
    const known = new Set(resolved)
    assert.deepEqual(kept.get(name).filter((data) => known.has(data)), resolved, 'not in the order of the calls')
  }
}

test('random calls, cuts and late timers: nothing is lost in silence, doubled or out of order', async () => {
  const first = Number(process.env.SEED ?? 1)
  const runs = process.env.SEED ? 1 : Number(process.env.RUNS ?? RUNS)
  for (let seed = first; seed < first + runs; seed++) {
    try {
      await play(seed)
    } catch (error) {
      throw new Error(`SEED=${seed}`, { cause: error })
    }
  }
})
