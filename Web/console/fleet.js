import { tenMinutes } from './series.js'

/** A node that has not answered tells nothing of itself but its name. */
export const isSilent = node => node.connections === undefined

/** Remembers nodes, since the API names only those that live. */
export class Fleet {
  /**
   * By id: `at` is when it answered last, `goneAt` when it was first missed.
   * @type {Map<string, { id: string, name: string, started?: number, draining: boolean, at: number,
   *   goneAt: number | null }>}
   */
  #known = new Map()

  /** @param {{ nodes: object[], partial?: string[] }} answer of `GET /api/nodes` */
  note({ nodes, partial = [] }, now) {
    const listed = new Set([...nodes.map(node => node.id), ...partial])
    for (const known of this.#known.values()) known.goneAt = listed.has(known.id) ? null : known.goneAt ?? now
    for (const node of nodes) {
      const { id, name } = node
      const before = this.#known.get(id) ?? { draining: false, at: now }
      const { draining, started, at } = isSilent(node) ? before : { ...node, at: now }
      this.#known.set(id, { id, name, started, draining, at, goneAt: null })
    }
    for (const [id, { goneAt }] of this.#known) {
      if (goneAt !== null && now - goneAt > tenMinutes) this.#known.delete(id)
    }
  }

  /**
   * Those that are gone: since when, whether they had said so, and whether one of the same name is there again: started
   * anew, or the same process, which had lost its lease. Of several lives under one name only the last counts.
   */
  departed() {
    const known = [...this.#known.values()].sort((a, b) => a.at - b.at)
    const present = new Map(known.filter(({ goneAt }) => goneAt === null).map(node => [node.name, node]))
    const last = new Map(known.filter(({ goneAt }) => goneAt !== null).map(node => [node.name, node]))
    return [...last.values()].map(({ id, name, started, at, draining }) => {
      const successor = present.get(name)
      const hasLostLease = successor !== undefined && successor.started === started
      return { id, name, at, announced: draining, isBack: successor !== undefined, hasLostLease }
    })
  }
}
