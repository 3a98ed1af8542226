import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { record, setting, settle } from './support/setting.js'

const SERVED = new URL('../../../Web/served/', import.meta.url)
/** At most so many bytes by gzip, the program: what Node has of it packs some bytes better. */
const ROOM = { 'apus.js': 6_144, 'apus-extras.js': 4_096 }

const textOf = (name) => readFileSync(new URL(name, SERVED), 'utf8')

for (const [name, bytes] of Object.entries(ROOM)) {
  test(`${name} has at most ${bytes} bytes`, () => {
    assert.ok(execFileSync('gzip', ['-9', '-n'], { input: textOf(name) }).length <= bytes)
  })

  test(`${name} shows no name that is for the modules of the client alone`, () => {
    assert.deepEqual(textOf(name).match(/\b_[a-z]\w+/gi), null)
  })
}

test('the served files have the same short names: presence, typing, renewal, a loop and a store work', async () => {
  const { Apus } = await import(new URL('apus.js', SERVED))
  const { observable } = await import(new URL('apus-extras.js', SERVED))
  const token = `e30.${btoa(JSON.stringify({ sub: 'alice' }))}.x`
  const { Socket, clock, last } = setting()
  const client = new Apus('wss://node.example/ws', { WebSocket: Socket, fallback: false, token: () => token })
  const channel = client.channel('room')
  const told = record(channel, 'presence', 'typing')
  channel.subscribe({ presence: true })
  await clock.pass()
  await last().greet()
  await last().subscribed({ epoch: 'e1', offset: 10, members: [{ user: 'bob', clients: 1 }], count: 1 })
  await last().say({ type: 'join', channel: 'room', user: 'carol', count: 2 })
  await last().say({ type: 'signal', channel: 'room', event: 'typing', data: true, from: 'bob', client: 'c-2' })
  await clock.pass(1)
  assert.deepEqual([...channel.members.keys(), channel.count], ['bob', 'carol', 2])
  assert.deepEqual(told.map(([event]) => event), ['presence', 'presence', 'typing'])
  channel.typing()
  await settle()
  const renewal = client.renew()
  await settle()
  await last().answer('auth', { type: 'authenticated', user: 'alice' })
  await renewal
  assert.deepEqual(last().commands.map(({ type }) => type), ['subscribe', 'signal', 'auth'])
  const loop = client.channel('room').messages()
  const next = loop.next()
  const seen = []
  observable(client.channel('room')).subscribe((messages) => seen.push(messages.length))
  await clock.pass(1)
  await last().say({ type: 'message', channel: 'room', from: 'bob', data: 'hi', ts: 0, offset: 11 })
  await clock.pass(1)
  assert.equal((await next).value.data, 'hi')
  assert.deepEqual(seen, [0, 1])
  client.close()
})
