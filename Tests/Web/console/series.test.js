import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Series, sampleOf, scaleEnd, tenMinutes } from '../../../Web/console/series.js'

const field = { width: 300, height: 100, top: 10 }

test('ten minutes are kept', () => {
  const series = new Series()
  for (let at = 0; at <= 2 * tenMinutes; at += 2_000) series.add(at, { a: at })
  assert.equal(series.of('a')[0].at, tenMinutes)
  assert.equal(series.peak('a'), 2 * tenMinutes)
})

test('a line has holes where nothing is known', () => {
  const series = new Series()
  for (const [at, a] of [[0, 0], [2_000, 10], [4_000, undefined], [6_000, 5], [60_000, 5]]) series.add(at, { a })
  const lines = series.lines('a', tenMinutes, field)
  assert.deepEqual(lines, [[[0, 100], [1, 0], [3, 50]], [[30, 50]]])
})

test('the sample next to a moment, where there is one', () => {
  const series = new Series()
  for (const at of [0, 2_000, 60_000]) series.add(at, { a: at })
  assert.equal(series.nearest('a', 1_500).value, 2_000)
  assert.equal(series.nearest('a', 30_000), undefined)
  assert.equal(new Series().nearest('a', 0), undefined)
})

test('the end of a scale', () => {
  assert.deepEqual([0, 9, 11, 20, 21, 70, 1_234].map(peak => scaleEnd(peak, 10)), [10, 10, 20, 20, 50, 100, 2_000])
  assert.equal(scaleEnd(0.3, 1), 1)
})

test('a sample has the largest of all nodes that tell', () => {
  const sample = sampleOf({ stats: { connections: 3 }, nodes: [{ busiestLoop: 0.1 }, {}, { busiestLoop: 0.4 }] })
  assert.equal(sample.busiest, 0.4)
  assert.equal(sample.roundTrip, undefined)
})
