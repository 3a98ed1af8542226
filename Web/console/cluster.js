import { Counters } from './counters.js'
import { Fleet } from './fleet.js'
import { reading } from './request.js'
import { repeat } from './repeat.js'
import { Series, sampleOf } from './series.js'

/**
 * How the cluster is, asked every two seconds as long as the page is seen, whatever view is open: so the lines have no
 * holes. Fires `change` after each answer, and `refused` when the key is not good any more.
 */
export class Cluster extends EventTarget {
  /** Of `GET /api/stats`. */
  stats = null
  /** Of `GET /api/nodes`. */
  nodes = []
  /** Why the latest question was not answered; what else stands here is then of before. */
  error = null
  /** When it was answered last. */
  answeredAt = null
  series = new Series()
  counters = new Counters()
  #fleet = new Fleet()
  #api

  constructor(api) {
    super()
    this.#api = api
  }

  get departed() {
    return this.#fleet.departed()
  }

  start(signal) {
    repeat(() => this.#ask(signal), 2_000, signal)
  }

  async #ask(signal) {
    const ask = path => this.#api.ask(reading(path), { signal })
    try {
      const [stats, nodes] = await Promise.all([ask('stats'), ask('nodes')])
      this.#take(stats, nodes, Date.now())
    } catch (error) {
      if (signal.aborted) return
      this.error = error
      if (error.status === 401) this.dispatchEvent(new Event('refused'))
    }
    this.dispatchEvent(new Event('change'))
  }

  #take(stats, answer, now) {
    this.stats = stats
    this.nodes = answer.nodes
    this.error = null
    this.answeredAt = now
    this.#fleet.note(answer, now)
    this.counters.add(now, answer.nodes)
    this.series.add(now, sampleOf({ stats, nodes: answer.nodes }))
  }
}
