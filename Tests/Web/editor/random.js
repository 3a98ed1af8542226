/**
 * Random numbers that a seed repeats: `SEED=17 node --test` runs what printed 17.
 * @param {import('node:test').TestContext} test
 */
export function seeded(test) {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))
  test.diagnostic(`SEED=${seed}`)
  return new Random(seed)
}

export class Random {
  #state

  constructor(seed) {
    this.#state = seed
  }

  /** From 0 up to 1, by mulberry32. */
  next() {
    this.#state = this.#state + 0x6D2B79F5 | 0
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state)
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32
  }

  below(limit) { return Math.floor(this.next() * limit) }
  chance(probability) { return this.next() < probability }
  pick(list) { return list[this.below(list.length)] }

  shuffled(list) {
    const all = [...list]
    for (let end = all.length - 1; end > 0; end--) {
      const other = this.below(end + 1)
      ;[all[end], all[other]] = [all[other], all[end]]
    }
    return all
  }
}

const alphabet = ['a', 'b', 'c', 'd', ' ', '\n', 'é', '漢', '😀', '👩‍🚀']

/** What was deleted in a text, for an undo to bring back. */
const graves = new WeakMap()

/** Writes, deletes or brings back something somewhere, and returns the edits. */
export function editRandomly(text, random, letters = alphabet) {
  const length = String(text).length
  const at = random.below(length + 1)
  const grave = graves.get(text) ?? []
  graves.set(text, grave)
  if (length > 0 && random.chance(0.35)) {
    const deleted = text.lettersBetween(at, at + 1 + random.below(6))
    grave.push(...deleted)
    return text.remove(deleted.map(letter => letter.id))
  }
  if (grave.length > 0 && random.chance(0.3)) return text.restore(grave.splice(random.below(grave.length), 4))
  const written = Array.from({ length: 1 + random.below(5) }, () => random.pick(letters)).join('')
  return text.insertAfter(text.idBefore(at), written)
}
