/** Samples of the last ten minutes, for lines. */

export const tenMinutes = 600_000
/** Longer than this without a sample is a hole in the line: the page was hidden, or nobody answered. */
const longestStep = 8_000

export class Series {
  /** Oldest first. @type {{ at: number, values: Record<string, number | undefined> }[]} */
  #samples = []

  add(at, values) {
    this.#samples.push({ at, values })
    while (this.#samples[0].at < at - tenMinutes) this.#samples.shift()
  }

  /** @returns {{ at: number, value: number }[]} what is known of one value, oldest first */
  of(name) {
    return this.#samples
      .map(({ at, values }) => ({ at, value: values[name] }))
      .filter(({ value }) => value !== undefined)
  }

  peak(name) {
    return this.of(name).reduce((peak, { value }) => Math.max(peak, value), 0)
  }

  /**
   * The lines of one value, in parts where samples are missing, as points in a field of that size. Its right edge is
   * `now`, its lower edge 0, its upper edge `top`.
   * @returns {[number, number][][]}
   */
  lines(name, now, { width, height, top }) {
    const lines = []
    let before
    for (const { at, value } of this.of(name)) {
      if (before === undefined || at - before > longestStep) lines.push([])
      const x = width * (1 - (now - at) / tenMinutes)
      const y = height * (1 - value / top)
      lines.at(-1).push([round(x), round(y)])
      before = at
    }
    return lines
  }

  /** The sample next to a moment; undefined where there is none near it. */
  nearest(name, moment) {
    const samples = this.of(name)
    const closest = samples.reduce((best, sample) => {
      return best && Math.abs(best.at - moment) <= Math.abs(sample.at - moment) ? best : sample
    }, undefined)
    return closest && Math.abs(closest.at - moment) <= longestStep ? closest : undefined
  }
}

const round = number => Math.round(number * 10) / 10

/** The next number above that makes a plain end of a scale: 1, 2 or 5 with zeros, and `least` at least. */
export function scaleEnd(peak, least) {
  const top = Math.max(peak, least)
  const power = 10 ** Math.floor(Math.log10(top))
  return [1, 2, 5, 10].map(step => step * power).find(end => end >= top * 0.999_999)
}

/** One sample of what the cluster says of itself. */
export function sampleOf({ stats, nodes }) {
  return {
    connections: stats.connections,
    published: stats.published,
    delivered: stats.delivered,
    busiest: largest(nodes, 'busiestLoop'),
    roundTrip: largest(nodes, 'redisRoundTrip'),
  }
}

function largest(nodes, name) {
  const values = nodes.map(node => node[name]).filter(value => value !== undefined)
  return values.length ? Math.max(...values) : undefined
}
