import { clock, count, listed, milliseconds, percent, plural, span } from './format.js'
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
 * @param {{ error?: import('./errors.js').ApiError, answeredAt?: number, nodes: object[], stats?: object,
 *   departed: object[], rises: object[], now: number }} facts
 * @returns {Problem[]}
 */
export function problemsOf({ error, answeredAt, nodes, stats, departed, rises, now }) {
  const problems = [
    ...(error ? [ofError(error, answeredAt)] : []),
    ...departed.map(ofDeparted),
    ...nodes.flatMap(node => isSilent(node) ? [ofSilent(node)] : ofNode(node, now)),
    ...ofTotals(stats, nodes),
    ...ofVersions(nodes),
    ...ofRises(rises),
  ]
  const order = ['bad', 'warn', 'note']
  return problems.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity))
}

const bad = (id, text, detail) => ({ severity: 'bad', id, text, detail })
const warn = (id, text, detail) => ({ severity: 'warn', id, text, detail })
const note = (id, text, detail) => ({ severity: 'note', id, text, detail })

function ofError({ reason }, answeredAt) {
  const asOf = answeredAt ? `Everything below is as of ${clock(answeredAt)}; this` : 'This'
  return bad('error', reason, `${asOf} page keeps asking. Look at Redis, and at the node and its log.`)
}

function ofDeparted({ id, name, at, announced, isBack, hasLostLease }) {
  const last = `last answered at ${clock(at)}.`
  if (hasLostLease) {
    const detail = 'It could not renew it in time. Others may have counted it as dead, and its members as gone.'
    return note(`gone ${id}`, `${name} lost its lease and has it again.`, detail)
  }
  if (isBack) return note(`gone ${id}`, `${name} was started again.`, `Before, it ${last}`)
  if (announced) return note(`gone ${id}`, `${name} has gone away, after draining.`, `It ${last}`)
  return bad(`gone ${id}`, `${name} is gone.`, `It ${last} It was not draining: look at its log and its machine.`)
}

function ofSilent({ id, name, leaseAge }) {
  const heard = leaseAge === undefined ? '' : `It was last heard of ${span(leaseAge)} ago. `
  return bad(`silent ${id}`, `${name} does not answer.`, `${heard}After 10 s it counts as dead, and its members leave.`)
}

function ofNode({ id, name, started, draining, leaseAge, busiestLoop = 0, redisUp, redisRoundTrip }, now) {
  const problems = []
  if (draining) {
    problems.push(warn(`draining ${id}`, `${name} is draining.`, 'Its clients are told to connect to other nodes.'))
  }
  if (leaseAge > longestLease) {
    const text = `${name} has not renewed its lease for ${span(leaseAge)}.`
    problems.push(bad(`lease ${id}`, text, 'After 10 s the lease is lost: look at Redis.'))
  }
  if (redisUp === false) {
    problems.push(bad(`redis ${id}`, `${name} has no connection to Redis.`, 'Look at Redis; its /readyz tells why.'))
  } else if (leaseAge !== undefined && redisRoundTrip === undefined && now - started > 30_000) {
    problems.push(bad(`probe ${id}`, `${name} hears nothing back from Redis.`, 'Look at Redis; its /readyz tells why.'))
  }
  if (redisRoundTrip > 100) {
    const text = `A round trip of ${name} to Redis takes ${milliseconds(redisRoundTrip)}.`
    problems.push(warn(`slow ${id}`, text, 'Messages are late by that much: look at Redis and the network.'))
  }
  if (busiestLoop > busy) {
    const text = `${name} is busy: one loop works ${percent(busiestLoop)} of the time.`
    const severity = busiestLoop > tooBusy ? bad : warn
    problems.push(severity(`busy ${id}`, text, 'Near 100 % messages are late: add a node.'))
  }
  return problems
}

function ofTotals(stats, nodes) {
  const silent = new Set(nodes.filter(isSilent).map(({ id }) => id))
  const missing = (stats?.partial ?? []).filter(id => !silent.has(id))
  if (missing.length === 0) return []
  return [warn('partial', `The totals leave out ${listed(missing)}.`, 'The true ones are at least as large.')]
}

function ofVersions(nodes) {
  const versions = [...new Set(nodes.map(({ version }) => version).filter(Boolean))].sort()
  if (versions.length < 2) return []
  return [note('versions', `Nodes run versions ${listed(versions)}.`, 'That is as it should be during an update only.')]
}

/** Of the counters of nodes: how bad it is that one has risen, what has happened, and why or what to do. */
const counterWords = {
  gaps: [bad, n => `${plural(n, 'gap')} told to clients`,
    'They may miss messages: histories are too short or were deleted, or Redis has lost some.'],
  redisReconnects: [warn, n => `${plural(n, 'connection')} to Redis lost`, 'Look at Redis and the network.'],
  'closes 4008': [warn, closedThat('sent faster than the rate allows (4008)'), 'A client does not keep to --rate.'],
  'closes 4009': [warn, closedThat('read too slowly (4009)'),
    'Their networks or programs could not keep up: see --max-outbox.'],
  'closes 4010': [warn, closedThat('did not answer a ping (4010)'),
    'Lost connections end so; many at once point to a network or a proxy.'],
  'refusals 401': [warn, refusedWith('status 401'), 'Tokens are missing, wrong or expired.'],
  'refusals 403': [warn, refusedWith('status 403'),
    'The origin of a page or the name of a host is not allowed: see --allowed-origin and --allowed-host.'],
  'refusals 429': [warn, refusedWith('status 429'),
    'An address opens too many connections, or too fast: see --max-connections-per-ip and --connect-rate.'],
  'refusals 503': [warn, refusedWith('status 503'), 'Nodes are full, starting or draining. If they are full, add one.'],
  'refusals other': [warn, refusedWith('another status'), 'What asked is not a client of Apus, or is broken.'],
}

function closedThat(didWhat) {
  return n => `${plural(n, 'connection')} closed that ${didWhat}`
}

function refusedWith(status) {
  return n => `${plural(n, 'handshake')} refused with ${status}`
}

/** Only what has risen since it was first seen here, ten minutes at most; one line for all nodes. */
function ofRises(all) {
  return Object.entries(counterWords).flatMap(([counter, [severity, what, detail]]) => {
    const risen = all.filter(({ rises }) => rises[counter] > 0)
    if (risen.length === 0) return []
    const total = risen.reduce((sum, { rises }) => sum + rises[counter], 0)
    const known = span(Math.max(...risen.map(({ span }) => span)))
    const nodes = listed(risen.map(({ name, rises }) => `${name} (${count(rises[counter])})`))
    return [severity(counter, `${what(total)} in the last ${known}.`, `On ${nodes}. ${detail}`)]
  })
}

/** One line for all of it. */
export function headline(problems, nodes) {
  const wrong = problems.filter(({ severity }) => severity !== 'note').length
  if (wrong) return `${plural(wrong, 'thing')} to look at`
  return nodes.length ? `All is well on ${plural(nodes.length, 'node')}` : 'Asking the nodes …'
}

/** How a node is, in one word; `isOld` where it has answered before and nobody tells how it is now. */
export function nodeState(node, isOld = false) {
  if (isOld) return { severity: 'note', word: 'unknown' }
  if (isSilent(node)) return { severity: 'bad', word: 'silent' }
  if (node.draining) return { severity: 'warn', word: 'draining' }
  if (node.redisUp === false || node.leaseAge > longestLease || node.busiestLoop > tooBusy) {
    return { severity: 'bad', word: 'in trouble' }
  }
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
