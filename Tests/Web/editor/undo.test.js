import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idsOf } from '../../../Web/pages/editor/edits.js'
import { Text } from '../../../Web/pages/editor/text.js'
import { Undo } from '../../../Web/pages/editor/undo.js'
import { seeded } from './random.js'

/** Somebody with a copy and an undo of their own. */
class Writer {
  now = 0
  written = 0

  constructor(copy) {
    this.text = new Text(copy)
    this.undo = new Undo(this.text)
  }

  /** Replaces letters from a position on, and returns the edits. */
  write(at, removed, inserted, { pause = 5000, goesOn = false } = {}) {
    const deleted = this.text.lettersBetween(at, at + removed)
    const after = this.text.idBefore(at)
    const inserts = this.text.insertAfter(after, inserted)
    const deletes = this.text.remove(deleted.map(letter => letter.id))
    this.undo.record({ after, inserted: inserts.flatMap(idsOf), deleted }, this.now += pause, goesOn)
    return [...inserts, ...deletes]
  }

  apply(edits) {
    for (const edit of JSON.parse(JSON.stringify(edits))) this.text.apply(edit)
  }

  toString() { return String(this.text) }
}

test('what was typed within a second is one step', () => {
  const ann = new Writer('ann')
  ;[...'hello'].forEach((letter, index) => ann.write(index, 0, letter, { pause: 200 }))
  ann.write(5, 0, ' world')
  ann.undo.undo()
  assert.equal(String(ann), 'hello')
  ann.undo.undo()
  assert.equal(String(ann), '')
  assert.equal(ann.undo.canUndo, false)
  ann.undo.redo()
  ann.undo.redo()
  assert.equal(String(ann), 'hello world')
  assert.equal(ann.undo.canRedo, false)
})

test('what was typed at another place is another step', () => {
  const ann = new Writer('ann')
  ann.write(0, 0, 'one', { pause: 100 })
  ann.write(1, 0, 'two', { pause: 100 })
  for (const at of [4, 3]) ann.write(at, 1, '', { pause: 100 })
  for (const at of [0, 0]) ann.write(at, 1, '', { pause: 100 })
  assert.equal(String(ann), 'we')
  for (const expected of ['otwe', 'otwone', 'one', '']) {
    ann.undo.undo()
    assert.equal(String(ann), expected)
  }
})

test('deleting is another step than writing, and comes back in order', () => {
  const ann = new Writer('ann')
  ann.write(0, 0, 'abcdef', { pause: 100 })
  for (const at of [5, 4, 3]) ann.write(at, 1, '', { pause: 100 })
  assert.equal(String(ann), 'abc')
  const edits = ann.undo.undo()
  assert.equal(String(ann), 'abcdef')
  assert.equal(edits.length, 1)
})

test('letters that were deleted one step after another come back where they were', () => {
  const ann = new Writer('ann')
  ann.write(0, 0, 'abc')
  ann.write(1, 1, '')
  ann.write(0, 2, '')
  ann.undo.undo()
  assert.equal(String(ann), 'ac')
  ann.undo.undo()
  assert.equal(String(ann), 'abc')
  ann.undo.undo()
  assert.equal(String(ann), '')
  for (const expected of ['abc', 'ac', '']) {
    ann.undo.redo()
    assert.equal(String(ann), expected)
  }
})

test('what an input method has tried on the way is one step', () => {
  const ann = new Writer('ann')
  ann.write(0, 0, 'n')
  ann.write(0, 1, 'ni', { goesOn: true })
  ann.write(0, 2, '你', { goesOn: true })
  ann.undo.undo()
  assert.equal(String(ann), '')
  ann.undo.redo()
  assert.equal(String(ann), '你')
})

test('what others have written amid it stays, and what they have deleted is passed over', () => {
  const ann = new Writer('ann'), bob = new Writer('bob')
  bob.apply(ann.write(0, 0, 'one two'))
  bob.apply(ann.write(7, 0, ' three'))
  ann.apply(bob.write(3, 0, ' and'))
  ann.apply(bob.write(11, 6, ''))
  assert.equal(String(ann), 'one and two')
  bob.apply(ann.undo.undo())  // The step that Bob has made void is passed over.
  assert.equal(String(ann), ' and')
  assert.equal(String(bob), ' and')
  assert.equal(ann.undo.canUndo, false)
  bob.apply(ann.undo.redo())
  assert.equal(String(ann), 'one and two')
  assert.equal(String(bob), 'one and two')
})

test('what two have deleted at once comes back once', () => {
  const ann = new Writer('ann'), bob = new Writer('bob')
  bob.apply(ann.write(0, 0, 'one two three'))
  const [byAnn, byBob] = [ann.write(3, 4, ''), bob.write(0, 8, '')]
  ann.apply(byBob)
  bob.apply(byAnn)
  assert.equal(String(ann), 'three')
  const [again, too] = [ann.undo.undo(), bob.undo.undo()]
  ann.apply(too)
  bob.apply(again)
  assert.equal(String(ann), 'one two three')
  assert.equal(String(bob), 'one two three')
  ann.apply(bob.undo.redo())
  assert.equal(String(ann), 'three')
  assert.equal(String(bob), 'three')
})

test('what somebody else has brought back is passed over, and redo leaves it', () => {
  const ann = new Writer('ann'), bob = new Writer('bob')
  bob.apply(ann.write(0, 0, 'abcdef'))
  const [byAnn, byBob] = [ann.write(0, 4, ''), bob.write(2, 4, '')]
  ann.apply(byBob)
  bob.apply(byAnn)
  ann.apply(bob.undo.undo())
  assert.equal(String(ann), 'cdef')
  bob.apply(ann.undo.undo())
  assert.equal(String(bob), 'abcdef')
  bob.apply(ann.undo.redo())
  assert.equal(String(bob), 'cdef')
  assert.equal(String(ann), 'cdef')
})

test('undo keeps what others wrote, takes all of one\'s own, and copies stay equal', t => {
  const random = seeded(t)
  for (let run = 0; run < 150; run++) {
    const ann = new Writer(`a${run}`), bob = new Writer('bob')
    const toBob = [], toAnn = []
    for (let step = 0; step < 60; step++) actRandomly(random, ann, bob, toBob, toAnn)
    bob.apply(random.shuffled(toBob.splice(0)))
    ann.apply(random.shuffled(toAnn.splice(0)))
    assert.equal(String(ann), String(bob), `run ${run}`)
    const written = String(ann)
    assert.equal(lettersOf(written, 'B'), bob.written)

    let steps = 0
    while (ann.undo.canUndo) {
      const edits = ann.undo.undo()
      if (edits.length > 0) steps++  // The last ones may be void.
      bob.apply(edits)
    }
    assert.equal(lettersOf(String(ann), 'A'), 0)
    assert.equal(String(ann), String(bob))
    assert.equal(String(ann), written.replaceAll('A', ''))
    for (; steps > 0; steps--) bob.apply(ann.undo.redo())
    assert.equal(String(ann), written, `run ${run}`)
    assert.equal(String(bob), written, `run ${run}`)
  }
})

const lettersOf = (text, letter) => text.split(letter).length - 1

/** Ann writes, deletes her own letters, undoes and redoes; Bob only writes. */
function actRandomly(random, ann, bob, toBob, toAnn) {
  const at = random.below(String(ann).length + 1)
  const own = /^A{0,3}/.exec(String(ann).slice(at))[0].length
  const kind = random.below(10), pause = random.below(3000)
  if (kind < 3) toBob.push(...ann.write(at, 0, 'A'.repeat(1 + random.below(4)), { pause }))
  else if (kind < 5) toBob.push(...ann.write(at, own, '', { pause }))
  else if (kind === 5) toBob.push(...ann.undo.undo())
  else if (kind === 6) toBob.push(...ann.undo.redo())
  else if (kind === 7) bob.apply(random.shuffled(toBob.splice(0)))
  else if (kind === 8) ann.apply(random.shuffled(toAnn.splice(0)))
  else {
    toAnn.push(...bob.write(random.below(String(bob).length + 1), 0, 'BB'))
    bob.written += 2
  }
}
