import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused } from '../../../Web/console/errors.js'
import { Fleet } from '../../../Web/console/fleet.js'
import { headline, lineInWords, nodeState, problemsOf } from '../../../Web/console/problems.js'

const now = 1_730_000_100_000
const node = (name, more = {}) => ({
  name, id: `${name}.x`, host: 'h', version: '1.0', started: now - 60_000, connections: 1, channels: 1, draining: false,
  leaseAge: 1_000, memory: 1, busiestLoop: 0.1, redisRoundTrip: 0.2, ...more,
})
const facts = more => ({ error: null, nodes: [node('web-1')], stats: {}, departed: [], rises: [], now, ...more })
const told = more => problemsOf(facts(more)).map(({ severity, text }) => `${severity}: ${text}`)

test('nothing is wrong', () => {
  assert.deepEqual(told({}), [])
  assert.equal(headline([], [node('web-1'), node('web-2')]), 'All is well on 2 nodes')
})

test('a node alone, without Redis, has neither lease nor round trip, and that is well', () => {
  assert.deepEqual(told({ nodes: [node('dev', { leaseAge: undefined, redisRoundTrip: undefined })] }), [])
})

test('a node that does not answer', () => {
  const silent = { name: 'web-2', id: 'web-2.x', leaseAge: 4_200 }
  const stats = { partial: ['web-2.x'] }
  assert.deepEqual(told({ nodes: [node('web-1'), silent], stats }), ['bad: web-2 does not answer.'])
  assert.equal(nodeState(silent).word, 'silent')
})

test('what is bad stands before what is to be looked at, and that before notes', () => {
  const nodes = [node('a', { draining: true }), node('b', { leaseAge: 7_000, version: '1.1' })]
  assert.deepEqual(told({ nodes }), [
    'bad: b has not renewed its lease for 7 s.', 'warn: a is draining.', 'note: Nodes run versions 1.0 and 1.1.',
  ])
})

test('Redis: slow, silent, gone', () => {
  assert.match(told({ nodes: [node('a', { redisRoundTrip: 150 })] })[0], /^warn: A round trip of a/)
  assert.match(told({ nodes: [node('a', { redisRoundTrip: undefined })] })[0], /^bad: a hears nothing back/)
  assert.deepEqual(told({ nodes: [node('a', { redisRoundTrip: undefined, started: now - 2_000 })] }), [])
})

test('what the node cannot answer, and of when the rest is', () => {
  const error = refused({ status: 503, text: '{"code":"unavailable","error":"Redis cannot be reached."}', reads: true })
  const [problem] = problemsOf(facts({ error, answeredAt: now }))
  assert.deepEqual([problem.severity, problem.text], ['bad', 'Redis cannot be reached.'])
  assert.match(problem.detail, /^Everything below is as of [\d:]+; this page keeps asking/)
  assert.match(problemsOf(facts({ error, answeredAt: null }))[0].detail, /^This page keeps asking/)
  assert.equal(nodeState(node('a'), true).word, 'unknown')
})

test('a busy loop', () => {
  assert.match(told({ nodes: [node('a', { busiestLoop: 0.8 })] })[0], /^warn: a is busy: one loop works 80 %/)
  assert.match(told({ nodes: [node('a', { busiestLoop: 0.95 })] })[0], /^bad/)
})

test('a node that has no connection to Redis is told once, not by its round trip, too', () => {
  const cut = node('a', { redisUp: false, redisRoundTrip: undefined })
  assert.deepEqual(told({ nodes: [cut] }), ['bad: a has no connection to Redis.'])
  assert.equal(nodeState(cut).word, 'in trouble')
})

test('counters are told when they have risen', () => {
  const rises = [
    { name: 'a', span: 60_000, rises: { gaps: 0, redisReconnects: 0, 'closes 4008': 0, 'closes 4009': 1 } },
    { name: 'b', span: 120_000, rises: { gaps: 2, redisReconnects: 1, 'closes 4009': 4, 'refusals other': 1 } },
  ]
  assert.deepEqual(told({ rises }), [
    'bad: 2 gaps told to clients in the last 2 min.',
    'warn: 1 connection to Redis lost in the last 2 min.',
    'warn: 5 connections closed that read too slowly (4009) in the last 2 min.',
    'warn: 1 handshake refused with another status in the last 2 min.',
  ])
  assert.match(problemsOf(facts({ rises }))[2].detail, /^On a \(1\) and b \(4\)\. /)
})

test('every problem has an id of its own', () => {
  const nodes = ['a', 'b'].map(name => node(name, { draining: true, leaseAge: 8_000, busiestLoop: 0.9 }))
  const ids = problemsOf(facts({ nodes })).map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
})

test('a node that is gone: suddenly, as it had said, and back', () => {
  const fleet = new Fleet()
  fleet.note({ nodes: [node('a'), node('b'), node('c', { draining: true })] }, now)
  fleet.note({ nodes: [node('a'), { name: 'b', id: 'b.x', leaseAge: 9_000 }], partial: ['b.x'] }, now + 2_000)
  assert.deepEqual(fleet.departed().map(({ id }) => id), ['c.x'])
  fleet.note({ nodes: [node('a')] }, now + 4_000)
  const [gone, drained] = problemsOf(facts({ departed: fleet.departed() })).map(({ text }) => text)
  assert.equal(gone, 'b is gone.')
  assert.equal(drained, 'c has gone away, after draining.')
  fleet.note({ nodes: [node('a'), node('b', { id: 'b.y', started: now + 5_000 })] }, now + 6_000)
  assert.ok(told({ departed: fleet.departed() }).includes('note: b was started again.'))
  fleet.note({ nodes: [node('a')] }, now + 620_000)
  assert.deepEqual(fleet.departed().map(({ id }) => id), ['b.y'])
})

test('a node that takes another id and was not started again had lost its lease', () => {
  const fleet = new Fleet()
  fleet.note({ nodes: [node('a')] }, now)
  fleet.note({ nodes: [node('a', { id: 'a.y' })] }, now + 20_000)
  assert.deepEqual(told({ departed: fleet.departed() }), ['note: a lost its lease and has it again.'])
})

test('of several lives under one name the last one counts', () => {
  const fleet = new Fleet()
  fleet.note({ nodes: [node('a'), node('b')] }, now)
  fleet.note({ nodes: [node('a'), node('b', { id: 'b.y', draining: true })] }, now + 2_000)
  fleet.note({ nodes: [node('a')] }, now + 4_000)
  assert.deepEqual(fleet.departed().map(({ id, announced }) => [id, announced]), [['b.y', true]])
})

test('a node that is named in partial alone is not gone', () => {
  const fleet = new Fleet()
  fleet.note({ nodes: [node('a')] }, now)
  fleet.note({ nodes: [], partial: ['a.x'] }, now + 2_000)
  assert.deepEqual(fleet.departed(), [])
})

test('a line in words', () => {
  assert.equal(lineInWords('In', [], String), 'In: nothing is known yet.')
  const samples = [{ at: 0, value: 3 }, { at: 60_000, value: 1 }, { at: 120_000, value: 2 }]
  assert.equal(lineInWords('In', samples, String), 'In: now 2; between 1 and 3 in the last 2 min.')
})
