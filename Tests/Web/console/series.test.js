import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Counters, countersOf, parseMetrics } from '../../../Web/console/counters.js'
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

const page = ({ start = 100, closed = 0, delivered = 0 }) => `# HELP apus_gaps_total Gaps.
# TYPE apus_gaps_total counter
apus_gaps_total 1
apus_disconnects_total{code="1000"} 7
apus_disconnects_total{code="4009"} ${closed}
apus_handshakes_refused_total{status="503"} 2
apus_delivered_total ${delivered}
apus_redis_up{shard="0"} 1
apus_api_requests_total{route="GET /api/channels/{channel}",status="200"} 12
process_start_time_seconds ${start}.25
`

test('metrics are read, with braces in labels', () => {
  const lines = parseMetrics(page({}))
  assert.deepEqual(lines.at(-2), {
    name: 'apus_api_requests_total', labels: { route: 'GET /api/channels/{channel}', status: '200' }, value: 12,
  })
  const { start, values } = countersOf(page({ closed: 4 }))
  assert.equal(start, 100_250)
  assert.deepEqual(values, { gaps: 1, 'closed 4009': 4, 'refused 503': 2, delivered: 0, 'redisUp 0': 1 })
})

test('what has risen, by process, and rates from the last two samples', () => {
  const counters = new Counters()
  counters.add(0, countersOf(page({ closed: 4, delivered: 100 })))
  counters.add(5_000, countersOf(page({ start: 900, closed: 50 })))
  counters.add(10_000, countersOf(page({ closed: 6, delivered: 600 })))
  const nodes = [{ id: 'a', started: 101_000 }, { id: 'b', started: 950_000 }]
  const [a, other] = counters.summaries(nodes)
  assert.equal(a.node.id, 'a')
  assert.equal(a.rises['closed 4009'], 2)
  assert.equal(a.delivered, 50)
  assert.equal(a.span, 10_000)
  assert.equal(other.node, undefined)
  assert.equal(other.delivered, undefined)
})

test('nodes that began together are not told apart', () => {
  const counters = new Counters()
  counters.add(0, countersOf(page({})))
  assert.equal(counters.summaries([{ id: 'a', started: 101_000 }, { id: 'b', started: 102_000 }])[0].node, undefined)
})

test('a process that is not seen any more is forgotten', () => {
  const counters = new Counters()
  counters.add(0, countersOf(page({})))
  counters.add(tenMinutes + 1, countersOf(page({ start: 900 })))
  assert.equal(counters.summaries([]).length, 1)
})
