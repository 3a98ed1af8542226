import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventInWords } from '../../../Web/console/events.js'
import { EventStream } from '../../../Web/console/sse.js'

const text = 'retry: 1730\n\nid: x:1\ndata: {"type":"message"}\n\n: nothing\n\nevent: ping\ndata: {"ts":1}\n\n' +
  'data:a\ndata: b\n\n'
const events = [
  { name: 'message', data: '{"type":"message"}' },
  { name: 'ping', data: '{"ts":1}' },
  { name: 'message', data: 'a\nb' },
]

test('a stream cut at every letter, with each end of line', () => {
  for (const end of ['\n', '\r\n', '\r']) {
    const whole = text.replaceAll('\n', end)
    for (let cut = 0; cut <= whole.length; cut++) {
      const stream = new EventStream()
      const read = [...stream.push(whole.slice(0, cut)), ...stream.push(whole.slice(cut)), ...stream.push('\n')]
      assert.deepEqual(read, events, `cut at ${cut}`)
      assert.equal(stream.retry, 1_730)
    }
  }
})

test('a stream letter by letter', () => {
  const stream = new EventStream()
  assert.deepEqual([...text].flatMap(letter => stream.push(letter)), events)
})

test('events in words', () => {
  const words = event => Object.values(eventInWords(event)).join(' | ')
  assert.equal(words({ type: 'message', from: 'alice', data: { a: 1 }, offset: 4 }), 'message 4 | alice | {"a":1}')
  assert.equal(words({ type: 'message', from: null, binary: 'aGk=' }), 'message | nobody | binary, in base64: aGk=')
  assert.equal(words({ type: 'message', from: null, client: 'c-1', data: null }), 'message | anonymous c-1 | null')
  assert.equal(words({ type: 'join', user: 'bob', count: 2 }), 'join | bob | ')
  assert.equal(words({ type: 'gap', epoch: 'x', offset: 0 }), 'gap |  | The history was deleted, or is lost.')
})
