import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOlder } from '../../../Web/console/older.js'

/** A history as a node answers from it, at most so many messages at once. */
function history({ first = 1, last = 100, epoch = 'e1', most }) {
  const asked = []
  const read = async ({ since, limit }) => {
    asked.push(since)
    const [of, offset] = since.split(':')
    if (of !== epoch) return { epoch, offset: last, reset: true, messages: [] }
    const begin = Math.max(first, Number(offset) + 1)
    const length = Math.max(0, Math.min(limit, most, last - begin + 1))
    return { epoch, offset: last, messages: Array.from({ length }, (_, index) => ({ offset: begin + index })) }
  }
  return { read, asked }
}

const offsets = messages => messages.map(({ offset }) => offset)
const range = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index)

test('answers that are cut are asked on for until nothing is missing', async () => {
  const { read, asked } = history({ most: 8 })
  const messages = await readOlder(read, { epoch: 'e1', before: 93, amount: 50 })
  assert.deepEqual(offsets(messages), range(43, 92))
  assert.equal(asked.length, 7)
})

test('one answer is enough where it is whole', async () => {
  const { read, asked } = history({ most: 1_000 })
  assert.deepEqual(offsets(await readOlder(read, { epoch: 'e1', before: 20, amount: 50 })), range(1, 19))
  assert.deepEqual(asked, ['e1:0'])
})

test('what is not kept any more is not waited for', async () => {
  const some = history({ first: 90, most: 2 })
  assert.deepEqual(offsets(await readOlder(some.read, { epoch: 'e1', before: 93, amount: 50 })), [90, 91, 92])
  const none = history({ first: 93, most: 2 })
  assert.deepEqual(await readOlder(none.read, { epoch: 'e1', before: 93, amount: 50 }), [])
})

test('a history that is another one by now is told, also on the way', async () => {
  const { read } = history({ most: 8 })
  assert.equal(await readOlder(read, { epoch: 'e0', before: 93, amount: 50 }), null)
  let answers = 0
  const replaced = async query => ++answers > 2 ? { reset: true, messages: [] } : read(query)
  assert.equal(await readOlder(replaced, { epoch: 'e1', before: 93, amount: 50 }), null)
})
