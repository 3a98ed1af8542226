import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refused, unanswered } from '../../../Web/console/errors.js'
import {
  bytes, count, dash, decimal, listed, milliseconds, percent, plural, span,
} from '../../../Web/console/format.js'
import { parseRoute, routeTo } from '../../../Web/console/routes.js'

test('numbers as people read them', () => {
  assert.deepEqual([undefined, 0, 1_234_567].map(count), [dash, '0', '1,234,567'])
  assert.deepEqual([0, 0.44, 12.34, 1_234.5].map(decimal), ['0', '0.4', '12.3', '1,235'])
  assert.deepEqual([undefined, 0.014, 1].map(percent), [dash, '1 %', '100 %'])
  assert.deepEqual([undefined, 0, 1_023, 48_422_912].map(bytes), [dash, '0 B', '1,023 B', '46.2 MiB'])
  assert.deepEqual([0.173, 12.4].map(milliseconds), ['0.17 ms', '12 ms'])
  assert.equal(plural(1, 'node') + plural(0, 'node'), '1 node0 nodes')
  assert.equal(listed(['a', 'b', 'c']), 'a, b and c')
})

test('spans in their two largest units', () => {
  const spans = [-5, 0, 1_409, 59_900, 60_000, 3_661_000, 90_000_000, 86_400_000]
  assert.deepEqual(spans.map(span), ['0 s', '0 s', '1.4 s', '1 min', '1 min', '1 h 1 min', '1 d 1 h', '1 d'])
})

test('routes there and back', () => {
  assert.equal(routeTo('channel', { name: 'room:1' }), '#channel?name=room:1')
  assert.equal(routeTo('channels', { match: '', sort: undefined }), '#channels')
  const name = 'a b&c=d?#%é:*'
  assert.deepEqual(parseRoute(routeTo('channel', { name })), { view: 'channel', parameters: { name } })
  assert.deepEqual(parseRoute(''), { view: '', parameters: {} })
})

const told = (status, body, more = {}) => refused({ status, text: body, retryAfter: null, reads: true, ...more })

test('errors say what to do', () => {
  const unavailable = '{"code":"unavailable","error":"Redis cannot be reached."}'
  assert.equal(told(503, unavailable, { reads: false, retryAfter: '1' }).message,
    'Redis cannot be reached. Nothing was done. Try again in 1 s.')
  const timeout = '{"code":"timeout","error":"Redis did not answer."}'
  assert.match(told(504, timeout, { reads: false }).message, /may or may not/)
  assert.match(told(401, '{"code":"unauthenticated","error":"No."}').message, /--api-key/)
  assert.equal(told(403, '{"code":"forbidden","error":"No rule matches."}').message, 'No rule matches.')
  assert.match(told(502, '<html>').message, /in front of the node.*502: look at the proxy/)
  assert.match(told(502, '<html>', { reads: false }).message, /may or may not/)
  assert.match(told(200, '[]').message, /in front of the node/)
})

test('what is temporary is tried again', () => {
  assert.deepEqual([400, 401, 403].map(status => told(status, '').temporary), [false, false, false])
  assert.deepEqual([429, 500, 503, 504].map(status => told(status, '').temporary), [true, true, true, true])
  assert.equal(unanswered(true, false).temporary, true)
  assert.match(unanswered(false, true).message, /not answered in time. It may or may not/)
})
