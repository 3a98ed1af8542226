import assert from 'node:assert/strict'
import { beforeEach, mock, test } from 'node:test'
import { repeat } from '../../../Web/console/repeat.js'

/** A document that is hidden and seen as a test says. */
class Page extends EventTarget {
  hidden = false

  turn(hidden) {
    this.hidden = hidden
    this.dispatchEvent(new Event('visibilitychange'))
  }
}

let page
/** Ends the task of each test. */
let ending
let times

/** Lets a task that has been called end, and what waits for it go on. */
const settled = async () => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
}

const pass = async milliseconds => {
  mock.timers.tick(milliseconds)
  await settled()
}

const start = async () => {
  repeat(async () => void times++, 2_000, ending.signal)
  await settled()
}

/** Its task ends when `answer` is called. */
const startHeld = () => {
  const held = {}
  held.again = repeat(() => new Promise(resolve => {
    times++
    held.answer = resolve
  }), 2_000, ending.signal)
  return held
}

beforeEach(() => {
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout'] })
  page = globalThis.document = new Page()
  ending = new AbortController()
  times = 0
})

test('a task is done at once and every two seconds, until the signal aborts', async () => {
  await start()
  assert.equal(times, 1)
  await pass(2_000)
  await pass(2_000)
  assert.equal(times, 3)
  ending.abort()
  await pass(10_000)
  assert.equal(times, 3)
})

test('a hidden page asks nothing, and once when it is seen again', async () => {
  await start()
  page.turn(true)
  await pass(60_000)
  assert.equal(times, 1)
  page.turn(false)
  await settled()
  assert.equal(times, 2)
  await pass(2_000)
  assert.equal(times, 3)
})

test('a page that is opened hidden asks nothing before it is seen', async () => {
  page.hidden = true
  await start()
  await pass(60_000)
  assert.equal(times, 0)
  page.turn(false)
  await settled()
  assert.equal(times, 1)
})

test('a page that is hidden while a question is under way does not ask the next one', async () => {
  const { answer } = startHeld()
  page.turn(true)
  answer()
  await settled()
  await pass(60_000)
  assert.equal(times, 1)
})

test('asked for while it is under way, a task is done once more: its answer would be of before', async () => {
  const { again, answer } = startHeld()
  again()
  again()
  assert.equal(times, 1)
  answer()
  await settled()
  await pass(0)
  assert.equal(times, 2)
})
