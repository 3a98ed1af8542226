import { clock, listed, milliseconds, percent, plural, span } from './format.js'
import { isSilent } from './fleet.js'

/** Milliseconds; a lease lasts 10 s and is renewed long before. */
const longestLease = 6_000
/** Shares of the time that a loop works. */
const busy = 0.75
const tooBusy = 0.9

/**
 * What is wrong with the cluster, worst first, each with what it means or what to do.
 *
 * @typedef {{ severity: 'bad' | 'warn' | 'note', id: string, text: string, detail: string }} Problem
 * `id` is the same as long as it lasts
 * @param {{ error?: Error, nodes: object[], stats?: object, departed: object[], summaries: object[],
 *   now: number }} facts
 * @returns {Problem[]}
 */
export function problemsOf({ error, nodes, stats, departed, summaries, now }) {
  const problems = [
    ...(error ? [bad('error', 'The node does not tell how the cluster is.', error.message)] : []),
    ...departed.map(ofDeparted),
    ...nodes.flatMap(node => isSilent(node) ? [ofSilent(node)] : ofNode(node, now)),
    ...ofTotals(stats, nodes),
    ...ofVersions(nodes),
    ...summaries.flatMap(ofCounters),
  ]
  const order = ['bad', 'warn', 'note']
  return problems.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity))
}

const bad = (id, text, detail) => ({ severity: 'bad', id, text, detail })
const warn = (id, text, detail) => ({ severity: 'warn', id, text, detail })
const note = (id, text, detail) => ({ severity: 'note', id, text, detail })

function ofDeparted({ id, name, at, announced, isBack }) {
  const since = `It last answered at ${clock(at)}.`
  if (isBack) return note(`gone ${id}`, `${name} has joined anew.`, 'It was started again, or had lost its lease.')
  if (announced) return note(`gone ${id}`, `${name} has gone away, as it had said.`, since)
  return bad(`gone ${id}`, `${name} is gone.`, `${since} It had not said so before: look at its log and its machine.`)
}

function ofSilent({ id, name, leaseAge }) {
  const heard = leaseAge === undefined ? '' : `It was last heard of ${span(leaseAge)} ago. `
  return bad(`silent ${id}`, `${name} does not answer.`, `${heard}After 10 s it counts as dead, and its members leave.`)
}

function ofNode({ id, name, started, draining, leaseAge, busiestLoop = 0, redisRoundTrip }, now) {
  const problems = []
  if (draining) {
    problems.push(warn(`draining ${id}`, `${name} goes away soon.`, 'Its clients are told to connect to other nodes.'))
  }
  if (leaseAge > longestLease) {
    const text = `${name} has not renewed its lease for ${span(leaseAge)}.`
    problems.push(bad(`lease ${id}`, text, 'After 10 s the lease is lost: look at Redis.'))
  }
  if (leaseAge !== undefined && redisRoundTrip === undefined && now - started > 30_000) {
    problems.push(bad(`probe ${id}`, `${name} hears nothing back from Redis.`, 'Its /readyz tells why.'))
  }
  if (redisRoundTrip > 100) {
    const text = `A round trip of ${name} to Redis takes ${milliseconds(redisRoundTrip)}.`
    problems.push(warn(`slow ${id}`, text, 'Messages are late by that much: look at Redis and the network.'))
  }
  if (busiestLoop > busy) {
    const text = `${name} has much to do: one loop works ${percent(busiestLoop)} of its time.`
    const severity = busiestLoop > tooBusy ? bad : warn
    problems.push(severity(`busy ${id}`, text, 'Near 100 % it is at its end: add a node.'))
  }
  return problems
}

function ofTotals(stats, nodes) {
  const silent = new Set(nodes.filter(isSilent).map(({ id }) => id))
  const missing = (stats?.partial ?? []).filter(id => !silent.has(id))
  if (missing.length === 0) return []
  return [warn('partial', `The totals lack ${listed(missing)}.`, 'They are at least as large as shown.')]
}

function ofVersions(nodes) {
  const versions = [...new Set(nodes.map(({ version }) => version).filter(Boolean))].sort()
  if (versions.length < 2) return []
  return [note('versions', `Nodes run versions ${listed(versions)}.`, 'That is as it should be during an update only.')]
}

const closes = {
  4008: ['sent faster than the rate', 'A client does not keep to --rate.'],
  4009: ['read too slowly', 'Their networks or programs could not follow: see --max-outbox.'],
  4010: ['did not answer a ping', 'Lost connections end so; many at once are a network or a proxy.'],
}
const refusals = {
  401: 'Tokens are missing, wrong or over.',
  403: 'A page or the name of a host is not allowed: see --allowed-origin and --allowed-host.',
  429: 'An address opens too many connections, or too fast: see --max-connections-per-ip and --connect-rate.',
  503: 'A node is full, starts or goes away: add a node.',
}

/** Of what a node counts: only what has risen since it was first looked at, ten minutes at most. */
function ofCounters({ node, start, span: known, now, rises }) {
  const name = node?.name ?? 'A node'
  const during = `in the last ${span(known)}`
  return Object.entries(rises).flatMap(([counter, rise]) => {
    const [kind, which] = counter.split(' ')
    const id = `${counter} ${start}`
    if (kind === 'redisUp') {
      return now[counter] === 0 ? [bad(id, `${name} has no connection to Redis.`, 'Its /readyz tells why.')] : []
    }
    return rise > 0 ? ofRise(kind, which, { id, name, rise, during }) : []
  })
}

function ofRise(kind, which, { id, name, rise, during }) {
  switch (kind) {
  case 'gaps': {
    const detail = 'Messages could not be read again: histories are too short or were deleted, or Redis has lost some.'
    return [bad(id, `${name} has told ${plural(rise, 'gap')} ${during}.`, detail)]
  }
  case 'reconnects':
    return [warn(id, `${name} has lost Redis ${plural(rise, 'time')} ${during}.`, 'Look at Redis and the network.')]
  case 'closed': {
    const [what, detail] = closes[which]
    return [warn(id, `${name} has ended ${plural(rise, 'connection')} that ${what} (${which}), ${during}.`, detail)]
  }
  case 'refused': {
    const detail = refusals[which] ?? 'What asked is not a client of Apus, or a wrong one.'
    return [warn(id, `${name} has refused ${plural(rise, 'handshake')} with status ${which} ${during}.`, detail)]
  }
  default: return []
  }
}

/** One line for all of it. */
export function headline(problems, nodes) {
  const wrong = problems.filter(({ severity }) => severity !== 'note').length
  if (wrong) return `${plural(wrong, 'thing')} to look at`
  return nodes.length ? `All is well on ${plural(nodes.length, 'node')}` : 'Asking the nodes …'
}

/** How a node is, in one word. */
export function nodeState(node) {
  if (isSilent(node)) return { severity: 'bad', word: 'silent' }
  if (node.draining) return { severity: 'warn', word: 'draining' }
  if (node.leaseAge > longestLease || node.busiestLoop > tooBusy) return { severity: 'bad', word: 'in trouble' }
  return { severity: 'good', word: 'up' }
}

/** Words for a line, told to those who do not see it. */
export function lineInWords(title, samples, show) {
  if (samples.length === 0) return `${title}: nothing is known yet.`
  const values = samples.map(({ value }) => value)
  const known = span(samples.at(-1).at - samples[0].at)
  const [now, low, high] = [values.at(-1), Math.min(...values), Math.max(...values)].map(show)
  return `${title}: now ${now}; between ${low} and ${high} in the last ${known}.`
}
