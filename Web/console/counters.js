import { isSilent } from './fleet.js'
import { tenMinutes } from './series.js'

/** What nodes count from their start. Only what rises while somebody looks is news: the rest may be a month old. */
export class Counters {
  /**
   * By process: a node that has lost its lease takes another id and counts on. Samples are oldest first.
   * @type {Map<string, { name: string, samples: { at: number, counts: Record<string, number> }[] }>}
   */
  #processes = new Map()

  /** @param {object[]} nodes of `GET /api/nodes` */
  add(at, nodes) {
    for (const node of nodes) {
      if (isSilent(node)) continue
      const process = `${node.name} ${node.started}`
      const samples = this.#processes.get(process)?.samples ?? []
      samples.push({ at, counts: countsOf(node) })
      this.#processes.set(process, { name: node.name, samples })
    }
    this.#forgetBefore(at - tenMinutes)
  }

  #forgetBefore(oldest) {
    for (const [process, { samples }] of this.#processes) {
      while (samples.length && samples[0].at < oldest) samples.shift()
      if (samples.length === 0) this.#processes.delete(process)
    }
  }

  /**
   * How far each counter has risen in the `span` that is known of its node, in milliseconds.
   * @returns {{ process: string, name: string, span: number, rises: Record<string, number> }[]}
   */
  rises() {
    return [...this.#processes].map(([process, { name, samples }]) => {
      const [first, last] = [samples[0], samples.at(-1)]
      const rises = Object.entries(last.counts).map(([counter, count]) => [counter, count - first.counts[counter]])
      return { process, name, span: last.at - first.at, rises: Object.fromEntries(rises) }
    })
  }
}

/** By one name for each, such as `closes 4009`. A node of an older version, during an update, counts less of it. */
function countsOf({ gaps = 0, redisReconnects = 0, closes = {}, refusals = {} }) {
  const named = (kind, counts) => Object.entries(counts).map(([which, count]) => [`${kind} ${which}`, count])
  return { gaps, redisReconnects, ...Object.fromEntries([...named('closes', closes), ...named('refusals', refusals)]) }
}
