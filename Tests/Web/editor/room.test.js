import assert from 'node:assert/strict'
import { beforeEach, mock, test } from 'node:test'
import { LARGEST_MESSAGE, LARGEST_TEXT, lettersOf, randomName } from '../../../Web/pages/editor/edits.js'
import { Room } from '../../../Web/pages/editor/room.js'
import { Text } from '../../../Web/pages/editor/text.js'
import { Cluster } from './cluster.js'
import { Random, editRandomly, seeded } from './random.js'

const documentChannel = 'demo:doc:notes', snapshotChannel = 'demo:doc:notes:snapshot'

beforeEach(() => {
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 })
})

async function pass(time) {
  for (let passed = 0; passed < time; passed += 10) {
    mock.timers.tick(10)
    await new Promise(setImmediate)
  }
}

/** A page without a page: a text, a room, and a moment in which an input method may hold changes back. */
class Page {
  held = []
  isComposing = false
  carets = []
  merges = 0

  constructor(cluster, user) {
    this.apus = cluster.client(user)
    this.text = new Text(randomName())
    this.room = new Room(this.apus, 'notes', {
      edited: edits => this.hold(() => edits.forEach(edit => this.text.apply(edit))),
      takes: (state, isLoading) => this.text.takes(state, isLoading),
      merged: (state, isLoading) => {
        this.merges++
        this.hold(() => this.text.merge(state, isLoading))
      },
      state: () => this.held.length > 0 ? null : this.text.state(),
      moved: (who, caret) => this.carets.push({ who, caret }),
      changed: () => {},
    })
    this.room.open()
  }

  hold(change) {
    this.held.push(change)
    if (!this.isComposing) this.held.splice(0).forEach(each => each())
  }

  compose(isComposing) {
    this.isComposing = isComposing
    if (!isComposing) this.held.splice(0).forEach(each => each())
  }

  write(what, at = String(this.text).length) {
    this.room.edit(this.text.insertAfter(this.text.idBefore(at), what))
  }

  toString() { return String(this.text) }
}

function assertEqualTexts(pages, message) {
  for (const page of pages) {
    assert.equal(String(page), String(pages[0]), message)
    assert.ok(page.room.isSaved, message)
    assert.ok(page.room.loaded, message)
  }
}

test('three pages, cuts, lost answers and input methods: all equal, all saved', async t => {
  const random = seeded(t)
  for (let run = 0; run < 8; run++) {
    mock.timers.reset()
    mock.timers.enable({ apis: ['setTimeout', 'Date'] })
    const cluster = new Cluster(random)
    const pages = ['ann', 'bob', 'cem'].map(user => new Page(cluster, user))
    for (let step = 0; step < 150; step++) {
      const page = random.pick(pages)
      if (random.chance(0.1)) page.apus.state === 'connected' ? page.apus.cut() : page.apus.comeBack()
      if (random.chance(0.1)) page.compose(!page.isComposing)
      page.room.edit(editRandomly(page.text, random))
      await pass(random.below(15) * 10)
    }
    pages.push(new Page(cluster, 'dia'))
    for (const page of pages) {
      if (page.apus.state !== 'connected') page.apus.comeBack()
      page.compose(false)
    }
    await pass(20_000)
    assertEqualTexts(pages, `run ${run}`)
    assert.ok(String(pages[0]).length > 0)
  }
})

test('Redis forgets everything, again and again: nothing of the text is lost, and late comers get it', async t => {
  const random = seeded(t)
  const cluster = new Cluster(random)
  const pages = ['ann', 'bob', 'cem'].map(user => new Page(cluster, user))
  await pass(1000)
  for (let round = 0; round < 10; round++) {
    for (let step = 0; step < 20; step++) {
      const page = random.pick(pages)
      page.room.edit(editRandomly(page.text, random))
      await pass(random.below(10) * 10)
    }
    for (const page of pages) page.write(page.apus.user)
    await pass(70 + random.below(4) * 10)  // Now these words are on their way, to the node or from it.
    cluster.forget()
    await pass(random.below(2) * 8000)
  }
  pages[0].write('one word more')
  await pass(20_000)
  pages.push(new Page(cluster, 'dia'))
  await pass(10_000)
  assertEqualTexts(pages)
})

test('who comes late reads a snapshot and what was written since', async () => {
  const cluster = new Cluster(new Random(1))
  cluster.longestHistory = 120
  const ann = new Page(cluster, 'ann')
  for (let word = 0; word < 420; word++) {
    ann.write(`word ${word} `)
    await pass(100)
  }
  const snapshots = cluster.published.filter(({ channel }) => channel === snapshotChannel)
  assert.ok(snapshots.length >= 8, `${snapshots.length} snapshots`)
  assert.ok(snapshots.at(-1).data.position.offset >= 399)
  const bob = new Page(cluster, 'bob')
  await pass(1000)
  assertEqualTexts([ann, bob])
  assert.equal(bob.apus.channel(documentChannel).histories, 0)
})

test('who comes when all history has ended gets the text from those who are here', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann')
  for (const letter of 'still here'.repeat(10)) {
    ann.write(letter)
    await pass(100)
  }
  assert.ok(cluster.published.some(({ channel }) => channel === snapshotChannel))
  cluster.channels.clear()  // By age: nobody is told.
  const bob = new Page(cluster, 'bob')
  await pass(5000)
  assert.equal(String(bob), 'still here'.repeat(10))
  bob.write(', both')
  await pass(5000)
  assertEqualTexts([ann, bob])
})

test('without a snapshot the whole history is read, page by page, and a snapshot written', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann')
  for (let word = 0; word < 360; word++) {
    ann.write(`${word} `)
    await pass(100)
  }
  ann.apus.cut()
  cluster.channels.delete(snapshotChannel)
  const bob = new Page(cluster, 'bob')
  await pass(1000)
  assert.equal(String(bob), String(ann))
  await pass(3000)
  assert.ok(cluster.channels.get(snapshotChannel).messages.length > 0)
})

test('a long text is written in parts that a node takes, and read back', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann')
  await pass(100)
  ann.write('漢字😀\n"x"'.repeat(1200))
  await pass(1000)
  for (let word = 0; word < 60; word++) {
    ann.write('.', word * 3)
    await pass(100)
  }
  await pass(2000)
  for (const { data } of cluster.published) assert.ok(Buffer.byteLength(JSON.stringify(data)) < 60_000)
  const parts = cluster.published.filter(({ channel }) => channel === snapshotChannel)
  assert.ok(parts.length > 1)
  cluster.channels.get(documentChannel).messages.splice(0, 40)  // So that nothing but the snapshot has the beginning.
  const bob = new Page(cluster, 'bob')
  await pass(2000)
  assertEqualTexts([ann, bob])
})

test('edits of 60 ms go in one message, and each is saved only when confirmed', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann')
  await pass(1000)
  for (const letter of 'a word that somebody types fast') {
    ann.write(letter)
    assert.equal(ann.room.isSaved, false)
    await pass(10)
  }
  await pass(60)
  assert.equal(ann.room.isSaved, false)
  await pass(100)
  assert.ok(ann.room.isSaved)
  assert.ok(cluster.published.length <= 6, `${cluster.published.length} messages`)
  const edits = cluster.published.flatMap(({ data }) => data.edits)
  assert.equal(edits.map(edit => edit.text).join(''), 'a word that somebody types fast')
})

test('what is written while not connected is sent when the connection is back', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann'), bob = new Page(cluster, 'bob')
  await pass(1000)
  ann.write('before. ')
  await pass(1000)
  ann.apus.cut()
  ann.write('Ann alone. ')
  bob.write('Bob alone. ')
  await pass(60_000)
  assert.equal(ann.room.isSaved, false)
  assert.equal(ann.room.isConnected, false)
  ann.apus.comeBack()
  await pass(5000)
  assertEqualTexts([ann, bob])
  assert.match(String(ann), /^before\. (Ann alone\. Bob alone|Bob alone\. Ann alone)\. $/)
})

test('carets are told ten times a second at most, the last one in any case, and to those who come', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann'), bob = new Page(cluster, 'bob')
  ann.write('some text')
  await pass(1000)
  const { signals } = ann.apus.channel(documentChannel)
  signals.length = 0
  const ids = Array.from({ length: 9 }, (_, index) => ann.text.idBefore(index + 1))
  for (let step = 0; step < 100; step++) {
    ann.room.point({ from: ids[step % 9], to: ids[step % 9] })
    await pass(10)
  }
  await pass(200)
  assert.ok(signals.length <= 11, `${signals.length} signals`)
  assert.deepEqual(bob.carets.at(-1), { who: 'ann', caret: { from: ids[99 % 9], to: ids[99 % 9] } })
  ann.apus.channel(documentChannel).emit('presence', { joined: [{ user: 'cem' }], left: [] })
  await pass(200)
  assert.ok(signals.length <= 12)
  assert.equal(bob.carets.length, signals.length)
})

test('what others publish of their own invention does no harm', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann'), evil = cluster.client('evil')
  await pass(1000)
  ann.write('good')
  const position = { epoch: 'e1', offset: 1 }
  const snapshot = text => ({ snapshot: 'x', part: 0, parts: 1, position, text })
  const messages = [null, 'text', { edits: 7 }, { edits: [null, 7, { insert: [1, 'a'] }, { delete: [[1, 'a', 1e9]] }] }]
  for (const data of messages) cluster.publish(documentChannel, data, evil)
  const snapshots = [null, {}, ...['{', 'null', '{"copies":5}', 9].map(snapshot), { ...snapshot('{}'), parts: 1e9 }]
  for (const data of snapshots) cluster.publish(snapshotChannel, data, evil)
  const carets = [null, {}, { from: 7, to: null }, { from: [1], to: [2] }]
  for (const data of carets) evil.channel(documentChannel).signal('caret', data)
  await pass(1000)
  const bob = new Page(cluster, 'bob')
  await pass(2000)
  assertEqualTexts([ann, bob])
  assert.equal(String(ann), 'good')
  assert.deepEqual(ann.carets, [])
})

test('an empty snapshot, or one of a position that has not come, hides no text', async () => {
  const empty = { copies: [], runs: [], early: [] }
  const other = { copies: ['x'], runs: [[0, 1, 1]], early: [] }
  for (const [state, offset] of [[empty, 2], [other, 9], [other, -1]]) {
    const cluster = new Cluster(new Random(1))
    const ann = new Page(cluster, 'ann'), evil = cluster.client('evil')
    await pass(1000)
    for (const word of ['still ', 'here']) {
      ann.write(word)
      await pass(1000)
    }
    const { epoch } = cluster.log(documentChannel)
    const data = { snapshot: 'x', part: 0, parts: 1, position: { epoch, offset }, text: JSON.stringify(state) }
    cluster.publish(snapshotChannel, data, evil)
    ann.apus.cut()
    const bob = new Page(cluster, 'bob')
    await pass(2000)
    assert.equal(String(bob), 'still here')
    assert.ok(bob.room.loaded)
  }
})

/** A snapshot that somebody has made up. */
function publishState(cluster, state, offset = 1) {
  const { epoch } = cluster.log(documentChannel)
  const data = { snapshot: randomName(), part: 0, parts: 1, position: { epoch, offset }, text: JSON.stringify(state) }
  cluster.publish(snapshotChannel, data, { user: 'evil' })
}

test('huge snapshots that somebody has made up change nothing for who is here and who comes', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann')
  await pass(1000)
  ann.write('still here')
  await pass(1000)
  ask(cluster)
  await pass(3000)
  for (const copy of ['x', 'y', 'z']) {
    publishState(cluster, { copies: [copy], runs: [[0, 1, LARGEST_TEXT]], early: [] })
    await pass(100)
  }
  cluster.channels.get(documentChannel).messages.length = 0  // So that nothing but the snapshots has the text.
  const bob = new Page(cluster, 'bob')
  await pass(3000)
  bob.write('!')
  await pass(3000)
  assertEqualTexts([ann, bob])
  assert.equal(String(ann), 'still here!')
  for (const page of [ann, bob]) assert.ok(page.text.size < 20, `${page.text.size} letters`)
})

test('a snapshot that is not taken hides no history', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann')
  await pass(1000)
  for (const word of ['still ', 'here']) {
    ann.write(word)
    await pass(1000)
  }
  publishState(cluster, { copies: ['x'], runs: [[0, 1, 1]], early: [] }, 0)
  publishState(cluster, { copies: ['y'], runs: [[0, 1, LARGEST_TEXT]], early: [] }, 2)
  ann.apus.cut()
  const bob = new Page(cluster, 'bob')
  await pass(2000)
  assert.equal(String(bob), 'still here')
})

test('a snapshot that comes again and again is merged once', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann')
  await pass(1000)
  for (let again = 0; again < 20; again++) {
    publishState(cluster, { copies: ['x'], runs: [[0, 1, 1000]], early: [] })
    await pass(100)
  }
  assert.equal(ann.merges, 1)
})

test('a message of more letters than a document has is not taken', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann'), evil = cluster.client('evil')
  await pass(1000)
  const deletes = count => Array.from({ length: count }, (_, i) => ({ delete: [[1 + 1500 * i, 'a', 1500]], turn: 1 }))
  cluster.publish(documentChannel, { edits: deletes(1000) }, evil)
  await pass(1000)
  assert.deepEqual(ann.text.state().early, [])
  cluster.publish(documentChannel, { edits: deletes(6) }, evil)
  await pass(1000)
  assert.equal(lettersOf(ann.text.state().early), 9000)
})

test('who deletes and brings back a full text at once sends it in messages that the others take', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann'), bob = new Page(cluster, 'bob')
  await pass(1000)
  ann.write('ten letter'.repeat(1000))
  await pass(1000)
  const letters = ann.text.lettersBetween(0, 10_000)
  for (let round = 0; round < 3; round++) {
    ann.room.edit(ann.text.remove(letters.map(({ id }) => id)))
    ann.room.edit(ann.text.restore(letters))
  }
  ann.room.edit(ann.text.remove(letters.slice(10).map(({ id }) => id)))
  await pass(5000)
  assertEqualTexts([ann, bob])
  assert.equal(String(bob), 'ten letter')
  for (const { data } of cluster.published) if (data.edits) assert.ok(lettersOf(data.edits) <= LARGEST_MESSAGE)
})

test('a refusal is told, and told no more when it is over', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann')
  await pass(1000)
  const channel = ann.apus.channel(documentChannel)
  const refusal = Object.assign(new Error('You may not publish here.'), { code: 'forbidden', temporary: false })
  channel.publish = () => Promise.reject(refusal)
  ann.write('x')
  await pass(3000)
  assert.equal(ann.room.trouble, 'You may not publish here.')
  delete channel.publish
  await pass(3000)
  assert.equal(ann.room.trouble, null)
  assert.ok(ann.room.isSaved)
})

test('what a node takes in no message is told as lost, and holds nothing else up', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann'), bob = new Page(cluster, 'bob')
  await pass(1000)
  const channel = ann.apus.channel(documentChannel)
  channel.publish = data => Buffer.byteLength(JSON.stringify(data)) <= 1000
    ? Object.getPrototypeOf(channel).publish.call(channel, data)
    : Promise.reject(Object.assign(new Error('More than 1000 bytes.'), { code: 'too_large', temporary: false }))
  // Many edits that are too large for one message, and one that is too large by itself.
  for (const word of 'each of them is small'.split(' ')) for (let step = 0; step < 10; step++) ann.write(word, 0)
  await pass(10_000)
  assert.equal(ann.room.lost, 0)
  assertEqualTexts([ann, bob])
  ann.write('x'.repeat(1200), 0)
  ann.write('and on', 0)
  await pass(10_000)
  assert.equal(ann.room.lost, 1200)
  assert.ok(ann.room.isSaved)
  assert.match(String(bob), /^and on/)
})

/** The texts of the snapshots that were published, each whole, in their order. */
function snapshotsOf(cluster) {
  return cluster.published.filter(({ channel }) => channel === snapshotChannel).map(({ data }) => {
    const text = new Text(randomName())
    text.merge(JSON.parse(data.text))
    return { text: String(text), offset: data.position.offset }
  })
}

const ask = cluster => cluster.client('somebody').channel(documentChannel).signal('ask')

test('a snapshot holds nothing that is not confirmed, and waits until it is', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann')
  await pass(1000)
  ann.write('confirmed')
  await pass(1000)
  const channel = ann.apus.channel(documentChannel)
  channel.publish = async (...call) => {
    await new Promise(resolve => setTimeout(resolve, 5000))
    delete channel.publish
    return channel.publish(...call)
  }
  ann.write(', and not')
  ask(cluster)
  await pass(4000)
  assert.equal(ann.room.isSaved, false)
  assert.deepEqual(snapshotsOf(cluster), [])
  await pass(4000)
  assert.ok(ann.room.isSaved)
  assert.deepEqual(snapshotsOf(cluster), [{ text: 'confirmed, and not', offset: 2 }])
})

test('what arrives before the history could be read is not taken for all that was missed', async t => {
  t.mock.method(Math, 'random', () => 0.9)  // Nobody hurries to write a snapshot,
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann'), bob = new Page(cluster, 'bob')
  await pass(1000)
  bob.apus.cut()
  for (let word = 0; word < 420; word++) {
    ann.write(`${word} `)
    await pass(100)
  }
  cluster.channels.delete(snapshotChannel)  // So that only the history has what he lacks.
  const channel = bob.apus.channel(documentChannel)
  channel.history = async () => { throw Object.assign(new Error('no Redis'), { code: 'unavailable', temporary: true }) }
  bob.apus.comeBack()
  await pass(100)
  ann.write('meanwhile')
  await pass(200)
  ann.apus.cut()  // and then there is nobody who could.
  await pass(800)
  assert.equal(channel.position.offset, 421)
  delete channel.history
  await pass(3000)
  assert.equal(String(bob), String(ann))
  assert.ok(channel.histories >= 4)
})

test('a snapshot waits for what an input method holds back', async () => {
  const cluster = new Cluster(new Random(1))
  const ann = new Page(cluster, 'ann'), bob = new Page(cluster, 'bob')
  await pass(3000)  // Longer than anybody owes a snapshot after coming.
  bob.compose(true)
  ann.write('held back')
  await pass(1000)
  ann.apus.cut()  // So that nobody else is there to write it.
  ask(cluster)
  await pass(5000)
  assert.deepEqual(snapshotsOf(cluster), [])
  bob.compose(false)
  await pass(1000)
  assert.deepEqual(snapshotsOf(cluster), [{ text: 'held back', offset: 1 }])
})
