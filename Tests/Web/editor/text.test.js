import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  CLOSED_FROM, LARGEST_EDIT, LARGEST_TEXT, LAST_TURN, MOST_BY_STATES, MOST_WAITING, idsOf, isEdit, isState, joined,
  lettersOf, runsOf,
} from '../../../Web/pages/editor/edits.js'
import { difference } from '../../../Web/pages/editor/difference.js'
import { Text } from '../../../Web/pages/editor/text.js'
import { editRandomly, seeded } from './random.js'

/** What went over a wire. */
const sent = value => JSON.parse(JSON.stringify(value))
const write = (text, at, what) => text.insertAfter(text.idBefore(at), what)
const remove = (text, start, end) => text.remove(text.lettersBetween(start, end).map(letter => letter.id))
const apply = (text, edits) => sent(edits).forEach(edit => text.apply(edit))

function copies(count, random) {
  return Array.from({ length: count }, (_, index) => new Text(`copy-${random.below(1000)}-${index}`))
}

/** Everybody writes; each edit comes to each other copy once or twice, after any time, in any order. */
function writeTogether(texts, random, rounds) {
  const all = []
  const onTheWay = texts.map(() => [])
  for (let round = 0; round < rounds; round++) {
    const writer = random.below(texts.length)
    for (const edit of sent(editRandomly(texts[writer], random))) {
      all.push(edit)
      onTheWay.forEach((queue, index) => { if (index !== writer || random.chance(0.2)) queue.push(edit) })
      if (random.chance(0.2)) random.pick(onTheWay).push(edit)
    }
    deliver(random.below(texts.length), random.below(8))
  }
  texts.forEach((_, index) => deliver(index, Infinity))
  return all

  function deliver(index, count) {
    const queue = onTheWay[index] = random.shuffled(onTheWay[index])
    for (const edit of queue.splice(0, count)) texts[index].apply(edit)
  }
}

test('copies are equal in the end, whatever the order, doubled and late', t => {
  const random = seeded(t)
  for (let run = 0; run < 150; run++) {
    const texts = copies(3 + random.below(3), random)
    writeTogether(texts, random, 60)
    for (const text of texts) {
      assert.equal(String(text), String(texts[0]), `run ${run}`)
      assert.equal(text.letters, [...String(text)].length)
      assert.deepEqual(text.state().early, [])
    }
  }
})

test('a copy that nobody else writes in is a string', t => {
  const random = seeded(t)
  const text = new Text('alone')
  let expected = ''
  for (let step = 0; step < 2000; step++) {
    const letters = [...expected]
    const first = random.below(letters.length + 1), at = letters.slice(0, first).join('').length
    if (random.chance(0.45)) {
      const end = at + letters.slice(first, first + 4).join('').length
      remove(text, at, end)
      expected = expected.slice(0, at) + expected.slice(end)
    } else {
      const what = random.pick(['x', 'yz', '😀', 'a😀b'])
      write(text, at, what)
      expected = expected.slice(0, at) + what + expected.slice(at)
    }
    assert.equal(String(text), expected)
  }
})

test('words that were typed at the same place stay whole', () => {
  const [one, other] = [new Text('one'), new Text('other')]
  apply(other, write(one, 0, '[]'))
  const edits = [...'hello'].flatMap((letter, index) => write(one, 1 + index, letter))
  const answers = [...'world'].flatMap((letter, index) => write(other, 1 + index, letter))
  apply(other, edits.reverse())
  apply(one, answers.reverse())
  assert.equal(String(one), String(other))
  assert.match(String(one), /^\[(helloworld|worldhello)\]$/)
})

test('a snapshot and what came later equal a replay, wherever the snapshot was taken', t => {
  const random = seeded(t)
  for (let run = 0; run < 150; run++) {
    const texts = copies(3, random)
    const all = writeTogether(texts, random, 50)
    const replay = new Text('replay'), late = new Text('late')
    const taken = random.below(all.length + 1)
    const order = random.shuffled(all)
    order.slice(0, taken).forEach(edit => replay.apply(edit))
    const state = sent(replay.state())
    assert.ok(isState(state))
    late.merge(state)
    assert.deepEqual(late.state(), replay.state())
    order.slice(taken).forEach(edit => { replay.apply(edit); late.apply(edit) })
    assert.equal(String(replay), String(texts[0]))
    assert.equal(String(late), String(texts[0]))
  }
})

test('copies that lost each a part of the history are equal when each has merged the others', t => {
  const random = seeded(t)
  for (let run = 0; run < 150; run++) {
    const texts = copies(3 + random.below(3), random)
    writeTogether(texts, random, 20)
    for (let round = 0; round < 20; round++) editRandomly(random.pick(texts), random)  // Never comes to the others.
    const states = texts.map(text => sent(text.state()))
    for (const text of texts) random.shuffled([...states, ...states]).forEach(state => text.merge(state))
    for (const text of texts) assert.equal(String(text), String(texts[0]), `run ${run}`)
  }
})

test('carets stay at their letters', () => {
  const text = new Text('a')
  write(text, 0, 'one 😀 three')
  const caret = text.idBefore(6)
  write(text, 0, '>> ')
  assert.deepEqual(text.positionsAfter([caret, null, [99, 'nobody'], caret]), [9, 0, null, 9])
  remove(text, 4, 9)
  assert.deepEqual(text.positionsAfter([caret]), [4])
  assert.equal(text.idBefore(0), null)
})

test('a letter is deleted once and brought back once, whoever does it, and not for ever', () => {
  const [one, other] = [new Text('one'), new Text('other')]
  const edits = write(one, 0, 'abc')
  apply(other, edits)
  const letters = one.lettersBetween(0, 2), ids = letters.map(letter => letter.id)
  const deletes = [one.remove(ids), other.remove(ids)]
  assert.deepEqual(one.remove(ids), [])
  apply(one, deletes[1])
  apply(other, deletes[0])
  apply(other, one.restore(letters))
  assert.deepEqual(one.restore(letters), [])
  assert.deepEqual(other.restore(letters), [])
  assert.equal(String(other), 'abc')
  apply(one, [{ delete: runsOf(ids), turn: LAST_TURN }])
  assert.deepEqual(one.restore(letters), [])
  assert.equal(String(one), 'c')
  assert.equal(one.letters, 1)
})

test('a large text, and its end deleted at once', () => {
  const [text, other] = [new Text('a'), new Text('b')]
  const edits = write(text, 0, 'ten letter'.repeat(1000))
  for (let step = 0; step < 2000; step++) edits.push(...write(text, 5 * step, '.'))
  edits.push(...remove(text, 6000, 12_000))
  for (const edit of edits) assert.ok(isEdit(sent(edit)))
  apply(other, edits.reverse())
  assert.equal(String(other), String(text))
  assert.equal(text.letters, 6000)
})

test('what is typed letter by letter travels as words', () => {
  const text = new Text('a')
  const edits = [...'word'].flatMap((letter, index) => write(text, index, letter))
  const word = edits.reduce(joined)
  assert.deepEqual(word, { insert: [1, 'a'], after: null, text: 'word' })
  assert.equal(joined(word, write(text, 0, 'x')[0]), null)
  const deletes = [remove(text, 4, 5), remove(text, 3, 4)].flat()
  assert.deepEqual(deletes.reduce(joined), { delete: [[4, 'a', 1], [3, 'a', 1]], turn: 1 })
  assert.deepEqual(runsOf([[3, 'a'], [4, 'a'], [5, 'b'], [6, 'a']]), [[3, 'a', 2], [5, 'b', 1], [6, 'a', 1]])
})

test('joined edits do what the single ones did', t => {
  const random = seeded(t)
  const text = new Text('a'), single = new Text('b'), together = new Text('c')
  const edits = Array.from({ length: 500 }, () => editRandomly(text, random)).flat()
  const few = []
  for (const edit of edits) {
    const both = few.length > 0 && joined(few.at(-1), edit)
    if (both) few.splice(-1, 1, both)
    else few.push(edit)
  }
  assert.ok(few.length < edits.length)
  apply(single, edits)
  apply(together, few)
  assert.equal(String(single), String(text))
  assert.equal(String(together), String(text))
})

test('line ends and halves of letters are made whole', () => {
  const text = new Text('a')
  const edits = write(text, 0, 'one\r\ntwo\rthree \uD83D.')
  assert.equal(String(text), 'one\ntwo\nthree \uFFFD.')
  assert.ok(isEdit(edits[0]))
})

test('what is no edit is not taken', () => {
  const id = [5, 'a']
  const good = { insert: id, after: [4, 'b'], text: 'x' }
  assert.ok(isEdit(good))
  assert.ok(isEdit({ ...good, after: null }))
  assert.ok(isEdit({ delete: [[5, 'a', 3]], turn: 1 }))
  const restore = { restore: [[5, 'a', 2]], turn: 2, text: 'a😀' }
  assert.ok(isEdit(restore))
  const bad = [
    null, 7, 'text', [], {},
    ...[[0, 'a'], [1.5, 'a'], [5, ''], [5, 'x'.repeat(17)], [5]].map(insert => ({ ...good, insert })),
    ...[undefined, [5, 'A'], [6, 'a']].map(after => ({ ...good, after })),
    ...['', 'a\rb', '\uD83D', 'x'.repeat(LARGEST_EDIT + 1), 7].map(text => ({ ...good, text })),
    ...['all', [null], [[5, 'a']], [[5, 'a', -1]], [[5, 'a', 1e9]]].map(runs => ({ delete: runs, turn: 1 })),
    ...[undefined, 0, 2, 1.5, LAST_TURN + 2].map(turn => ({ delete: [[5, 'a', 3]], turn })),
    ...[undefined, 1, LAST_TURN + 1].map(turn => ({ ...restore, turn })),
    ...['', 'x', 'xyz', undefined].map(text => ({ ...restore, text })),
    ...[null, 7, 'x'].map(text => ({ delete: [[5, 'a', 1]], turn: 1, text })),
    ...[7, 0, null, good.insert].map(insert => ({ ...restore, insert })),
    { ...restore, delete: 0 }, { ...restore, delete: [[5, 'a', 3]], turn: 1 },
  ]
  for (const edit of bad) assert.equal(isEdit(edit), false, JSON.stringify(edit))
  const runs = [[[1, 1, 'x']], [[0, 1, '']], [[0, 1, 1e12]], [[0, 'a', 'x']], [[0, 1, 'x', 1]], [[0, 1, 1, 2]], 5]
  const partly = runs.map(runs => ({ copies: ['a'], runs, early: [] }))
  const states = [null, {}, { copies: ['a'], runs: [], early: [{}] }, ...partly]
  for (const state of states) assert.equal(isState(state), false, JSON.stringify(state))
  assert.deepEqual(idsOf({ insert: [7, 'a'], after: null, text: '😀x' }), [[7, 'a'], [8, 'a']])
})

test('a difference ends at the caret', () => {
  assert.deepEqual(difference('aaa', 'aaaa', 2), { at: 1, removed: 0, inserted: 'a' })
  assert.deepEqual(difference('aaa', 'aa', 1), { at: 1, removed: 1, inserted: '' })
  assert.deepEqual(difference('same', 'same'), { at: 4, removed: 0, inserted: '' })
  assert.deepEqual(difference('one two', 'one 2'), { at: 4, removed: 3, inserted: '2' })
  assert.deepEqual(difference('x😀y', 'x😁y'), { at: 1, removed: 2, inserted: '😁' })
})

test('a difference makes one text of the other, and cuts no letter', t => {
  const random = seeded(t)
  const letters = ['a', 'b', '😀', '😁', '🐀']
  const made = () => Array.from({ length: random.below(6) }, () => random.pick(letters)).join('')
  for (let run = 0; run < 5000; run++) {
    const before = made(), after = made()
    const { at, removed, inserted } = difference(before, after, random.below(after.length + 1))
    assert.equal(before.slice(0, at) + inserted + before.slice(at + removed), after)
    for (const part of [inserted, before.slice(at, at + removed), before.slice(0, at)]) assert.ok(part.isWellFormed())
  }
})

test('what waits for letters that never come has a limit, and the newest stays', () => {
  const text = new Text('a'), other = new Text('b')
  const edits = write(other, 0, 'here')
  const ids = other.lettersBetween(0, 4).map(letter => letter.id)
  const size = { turns: 0, inserts: 0 }
  for (let step = 0; step < 40; step++) {
    const counter = 10 + step * LARGEST_EDIT
    text.apply({ delete: [[counter, 'nobody', LARGEST_EDIT]], turn: 1 })
    text.apply({ insert: [counter + 1, 'x'], after: [counter, 'nobody'], text: 'x'.repeat(LARGEST_EDIT) })
  }
  apply(text, other.remove(ids))
  apply(text, [{ insert: [9, 'x'], after: ids[3], text: 'new' }])
  const { early } = text.state()
  assert.ok(isState(sent(text.state())))
  for (const edit of early) size[edit.insert ? 'inserts' : 'turns'] += lettersOf([edit])
  assert.ok(size.turns <= MOST_WAITING && size.turns > MOST_WAITING - LARGEST_EDIT, `${size.turns} turns`)
  assert.ok(size.inserts <= MOST_WAITING && size.inserts > MOST_WAITING - LARGEST_EDIT, `${size.inserts} letters`)
  apply(text, edits)
  assert.equal(String(text), 'new')
})

test('what has come does not count as waiting, nor what came twice', () => {
  const text = new Text('a'), other = new Text('b')
  const edits = Array.from({ length: 40 }, () => write(other, 0, 'x'.repeat(1000))[0])
  for (const first of edits) {
    const after = [first.insert[0] + 999, 'b']
    const late = { insert: [100_000, 'c'], after, text: 'y'.repeat(1000) }
    for (let again = 0; again < 30; again++) text.apply(late)
    text.apply(first)
  }
  assert.equal(text.letters, 41_000)
  const last = { insert: [200_000, 'c'], after: [150_000, 'c'], text: 'y'.repeat(1000) }
  apply(text, [last])
  assert.deepEqual(text.state().early, [last])
})

test('a state that waits for more than a copy keeps is not taken', () => {
  const early = count => Array.from({ length: count }, (_, i) => ({ delete: [[1 + 1500 * i, 'a', 1500]], turn: 1 }))
  assert.ok(isState({ copies: [], runs: [], early: early(20) }))
  assert.equal(isState({ copies: [], runs: [], early: early(1000) }), false)
})

test('a letter with the last id closes a text, and the copies stay equal', () => {
  const last = Number.MAX_SAFE_INTEGER
  assert.equal(isEdit({ insert: [last, 'x'], after: null, text: 'ab' }), false)
  assert.equal(isEdit({ delete: [[last, 'x', 2]], turn: 1 }), false)
  assert.equal(isState({ copies: ['x'], runs: [[0, last, 'ab']], early: [] }), false)
  const [a, b] = [new Text('a'), new Text('b')]
  const hostile = [{ insert: [last - LARGEST_EDIT, 'x'], after: null, text: 'o' }, { insert: [last, 'x'], after: null, text: '!' }]
  for (const edit of hostile) {
    assert.ok(isEdit(edit))
    a.apply(edit)
    const typed = a.insertAfter(null, 'mine'.repeat(LARGEST_EDIT))
    for (const one of [edit, ...typed]) {
      assert.ok(isEdit(sent(one)))
      b.apply(sent(one))
    }
    assert.equal(String(a), String(b))
    assert.ok(a.isClosed)
    assert.deepEqual(a.insertAfter(null, 'more'), [])
  }
  const [shown] = a.lettersBetween(0, 1)
  const [deleted] = a.remove([shown.id])
  assert.ok(isEdit(sent(deleted)))
  assert.ok(isState(sent(a.state())))
})

const tombstones = (copy, count, first = 1) => ({ copies: [copy], runs: [[0, first, count]], early: [] })

/** Reads a snapshot as somebody does who has just come. */
function newcomer(state, name = 'newcomer') {
  const text = new Text(name)
  assert.ok(isState(sent(state)))
  assert.ok(text.takes(sent(state), true))
  text.merge(sent(state), true)
  return text
}

test('states that somebody has made up close no text and hide none', () => {
  const text = new Text('a')
  write(text, 0, 'what people wrote')
  for (let step = 0; step < 10; step++) {
    for (const count of [LARGEST_TEXT, 30_000, MOST_BY_STATES]) {
      const state = tombstones(`x${step}-${count}`, count)
      assert.ok(isState(state))
      text.merge(state)
    }
  }
  assert.ok(text.size <= MOST_BY_STATES + 17, `${text.size} letters`)
  assert.equal(text.isClosed, false)
  write(text, 4, '!')
  assert.equal(String(text), 'what! people wrote')
  assert.equal(String(newcomer(text.state())), String(text))
})

test('a state is taken whole or not at all, and one that is known costs no room', () => {
  const text = new Text('a'), other = new Text('b')
  apply(text, write(other, 0, 'shared'))
  const large = { copies: ['b', 'x'], runs: [[0, 1, 'shared'], [1, 7, MOST_BY_STATES + 1]], early: [] }
  assert.equal(text.takes(large), false)
  text.merge(large)
  assert.equal(text.size, 6)
  const small = { copies: ['b', 'x'], runs: [[0, 1, 'shared'], [1, 7, MOST_BY_STATES]], early: [] }
  for (let again = 0; again < 3; again++) text.merge(small)
  assert.equal(text.size, 6 + MOST_BY_STATES)
  assert.equal(text.takes(tombstones('y', 1)), false)
  assert.ok(text.takes(other.state()))
})

test('what waits in a state counts, too', () => {
  const text = new Text('a')
  write(text, 0, 'x')
  const early = [{ insert: [9, 'y'], after: [8, 'z'], text: 'late' }]
  assert.equal(text.takes({ ...tombstones('x', MOST_BY_STATES), early }), false)
  assert.ok(text.takes({ ...tombstones('x', MOST_BY_STATES - 4), early }))
})

test('copies that write on until a text is closed are equal', () => {
  const [one, other] = ['one', 'other'].map(name => newcomer(tombstones('old', CLOSED_FROM - 100), name))
  const few = Array.from({ length: 6 }, (_, index) => new Text(`few-${index}`))
  const edits = [one, other, ...few].flatMap(text => write(text, 0, 'ten letter'.repeat(500)))
  for (const text of [one, other]) {
    assert.ok(text.isClosed)
    assert.deepEqual(text.insertAfter(null, 'more'), [])
    apply(text, edits)
    assert.equal(text.size, CLOSED_FROM - 100 + 6 * 5000 + 2 * LARGEST_EDIT)
  }
  assert.equal(String(one), String(other))
  const letter = one.lettersBetween(0, 1)[0]
  apply(other, one.remove([letter.id]))
  assert.equal(String(one), String(other))
  assert.equal(String(newcomer(one.state())), String(one))
})

test('a flood of letters ends at the bound, and the snapshot is one that readers take', () => {
  const text = new Text('a')
  write(text, 0, 'first')
  for (let step = 0; step * LARGEST_EDIT < 1.2 * LARGEST_TEXT; step++) {
    const copy = `x${step}`, flood = '😀'.repeat(LARGEST_EDIT)
    text.apply({ insert: [9, copy], after: null, text: flood })
    text.apply({ delete: [[9, copy, LARGEST_EDIT]], turn: 1 })
    text.apply({ insert: [10_000, copy], after: [9999, 'nobody'], text: 'x'.repeat(100) })
  }
  assert.ok(text.size <= LARGEST_TEXT && text.size > LARGEST_TEXT - LARGEST_EDIT, `${text.size} letters`)
  assert.ok(text.isClosed)
  assert.equal(String(text), 'first')
  text.apply({ delete: [[1, 'a', 1]], turn: 1 })
  assert.equal(String(newcomer(text.state())), 'irst')
})

test('letters of two units count once in a state', () => {
  const state = { copies: ['a', 'b'], runs: [[0, 1, LARGEST_TEXT - 2], [1, 1, '😀😀']], early: [] }
  assert.ok(isState(state))
  assert.equal(isState({ ...state, runs: [[0, 1, LARGEST_TEXT - 1], [1, 1, '😀😀']] }), false)
})

test('no edit that is written has more bytes than a message may', () => {
  const text = new Text('b')
  const ids = Array.from({ length: LARGEST_EDIT }, (_, index) => [9_000_000_000_000_000 + 2 * index, 'x'.repeat(16)])
  for (const insert of ids) text.apply({ insert, after: null, text: '\u0001' })
  const bytes = edit => Buffer.byteLength(JSON.stringify(edit))
  const letters = text.lettersBetween(0, Infinity)
  assert.equal(letters.length, LARGEST_EDIT)
  const edits = [...text.remove(ids), ...text.restore(letters)]
  assert.equal(lettersOf(edits), 2 * LARGEST_EDIT)
  for (const edit of edits) assert.ok(isEdit(sent(edit)) && bytes(edit) < 48_000, `${bytes(edit)} bytes`)
  const deletes = text.visible(ids).flatMap(({ id }) => text.remove([id]))
  const few = deletes.reduce((few, edit) => {
    const both = few.length > 0 && joined(few.at(-1), edit)
    return both ? [...few.slice(0, -1), both] : [...few, edit]
  }, [])
  for (const edit of few) assert.ok(bytes(edit) < 48_000, `${bytes(edit)} bytes`)
})
