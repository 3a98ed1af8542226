import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Counters } from '../../../Web/console/counters.js'
import { tenMinutes } from '../../../Web/console/series.js'

const node = (name, more = {}) => ({ name, id: `${name}.x`, started: 1, connections: 0, ...more })
const risen = (counters, name) => counters.rises().find(each => each.name === name)?.rises

test('what each node counts, since it was first seen', () => {
  const counters = new Counters()
  counters.add(0, [node('a', { gaps: 7, closes: { 4009: 4 }, refusals: { 503: 2 } }), node('b', { gaps: 900 })])
  counters.add(2_000, [node('a', { gaps: 8, closes: { 4009: 6 }, refusals: { 503: 2 } }), node('b', { gaps: 900 })])
  assert.deepEqual(risen(counters, 'a'), { gaps: 1, redisReconnects: 0, 'closes 4009': 2, 'refusals 503': 0 })
  assert.equal(risen(counters, 'b').gaps, 0)
  assert.deepEqual(counters.rises().map(({ span }) => span), [2_000, 2_000])
})

test('what rose more than ten minutes ago is not told any more', () => {
  const counters = new Counters()
  for (const [at, gaps] of [[0, 0], [2_000, 5], [tenMinutes + 1_000, 5]]) counters.add(at, [node('a', { gaps })])
  assert.equal(risen(counters, 'a').gaps, 0)
})

test('a node that comes back with another id counts on, one that was started again begins anew', () => {
  const counters = new Counters()
  counters.add(0, [node('a', { redisReconnects: 0 }), node('b', { gaps: 5 })])
  counters.add(9_000, [node('a', { id: 'a.y', redisReconnects: 1 }), node('b', { id: 'b.y', started: 2, gaps: 1 })])
  assert.equal(risen(counters, 'a').redisReconnects, 1)
  assert.deepEqual(counters.rises().filter(({ name }) => name === 'b').map(({ rises }) => rises.gaps), [0, 0])
})

test('a node that does not answer keeps what is known of it, and is forgotten after ten minutes', () => {
  const counters = new Counters()
  counters.add(0, [node('a', { gaps: 1 })])
  counters.add(2_000, [node('a', { gaps: 3 })])
  counters.add(4_000, [{ name: 'a', id: 'a.x', leaseAge: 4_000 }])
  assert.equal(risen(counters, 'a').gaps, 2)
  counters.add(tenMinutes + 3_000, [node('b')])
  assert.equal(risen(counters, 'a'), undefined)
})
