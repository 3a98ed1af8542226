import { tenMinutes } from './series.js'

/**
 * What a node counts and the API does not tell: gaps, how connections ended, refused handshakes, bytes that wait. It
 * comes from `/metrics`, which is of whichever node answers; so samples are kept by process, known by when it started.
 */

/**
 * The lines of Prometheus' text format.
 * @returns {{ name: string, labels: Record<string, string>, value: number }[]}
 */
export function parseMetrics(text) {
  return text.split('\n')
    .map(line => /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line))
    .filter(match => match !== null)
    .map(([, name, labels = '', value]) => ({ name, labels: parseLabels(labels), value: Number(value) }))
}

function parseLabels(text) {
  return Object.fromEntries([...text.matchAll(/(\w+)="((?:\\.|[^"\\])*)"/g)].map(([, name, value]) => [name, value]))
}

/** The counters that are looked at, by a name for each. @returns {{ start: number, values: Record<string, number> }} */
export function countersOf(text) {
  const values = {}
  let start = 0
  for (const { name, labels, value } of parseMetrics(text)) {
    if (name === 'process_start_time_seconds') start = value * 1000
    const key = counterName(name, labels)
    if (key !== null) values[key] = (values[key] ?? 0) + value
  }
  return { start, values }
}

function counterName(name, labels) {
  switch (name) {
  case 'apus_gaps_total': return 'gaps'
  case 'apus_published_total': return 'published'
  case 'apus_delivered_total': return 'delivered'
  case 'apus_outbox_bytes': return 'outbox'
  case 'apus_redis_reconnects_total': return 'reconnects'
  case 'apus_redis_up': return labels.shard === undefined ? 'redisUp' : `redisUp ${labels.shard}`
  case 'apus_disconnects_total': return ['4008', '4009', '4010'].includes(labels.code) ? `closed ${labels.code}` : null
  case 'apus_handshakes_refused_total': return `refused ${labels.status}`
  default: return null
  }
}

export class Counters {
  /**
   * Samples by the start of their process, oldest first.
   * @type {Map<number, { at: number, values: Record<string, number> }[]>}
   */
  #processes = new Map()

  add(at, { start, values }) {
    const samples = this.#processes.get(start) ?? []
    samples.push({ at, values })
    this.#processes.set(start, samples)
    for (const [key, kept] of this.#processes) {
      while (kept.length && kept[0].at < at - tenMinutes) kept.shift()
      if (kept.length === 0) this.#processes.delete(key)
    }
  }

  /**
   * What each process has done in the time that is known of it.
   * @param {object[]} nodes of `GET /api/nodes`, to tell which of them it is
   */
  summaries(nodes) {
    return [...this.#processes].map(([start, samples]) => {
      const [first, last] = [samples[0], samples.at(-1)]
      const before = samples.at(-2) ?? last
      const rise = (name, since = first) => Math.max(0, (last.values[name] ?? 0) - (since.values[name] ?? 0))
      const rate = name => last.at > before.at ? rise(name, before) / (last.at - before.at) * 1000 : undefined
      return {
        node: nodeStartedAt(start, nodes), start, span: last.at - first.at, now: last.values,
        published: rate('published'), delivered: rate('delivered'),
        rises: Object.fromEntries(Object.keys(last.values).map(name => [name, rise(name)])),
      }
    })
  }
}

/** A node names itself some moments after its process began; where several began together nobody can tell. */
function nodeStartedAt(start, nodes) {
  const candidates = nodes.filter(({ started }) => started !== undefined && Math.abs(started - start) < 3_000)
  return candidates.length === 1 ? candidates[0] : undefined
}
