import { Chart } from './chart.js'
import { badge, card, keyedChildren, make, setText, table, viewHeading } from './elements.js'
import { bytes, clock, count, dash, decimal, listed, milliseconds, percent, span } from './format.js'
import { headline, nodeState, problemsOf } from './problems.js'

/** How the cluster is: what is wrong first, then how much it does, and each node. */
export function overviewView({ cluster }, _, signal) {
  const parts = [problemsPart(), totalsPart(), linesPart(cluster), nodesPart()]
  const update = () => parts.forEach(part => part.update(cluster, Date.now()))
  cluster.addEventListener('change', update, { signal })
  update()
  return [viewHeading('Overview'), ...parts.map(part => part.element)]
}

const severityWords = { bad: 'error', warn: 'warning', note: 'note' }

function problemsPart() {
  const heading = make('h2', { className: 'visually-hidden' }, 'What is wrong')
  const line = make('p', { role: 'status', className: 'headline' })
  const list = make('ul', { className: 'problems' })
  const asOf = make('p', { className: 'quiet' })
  const update = keyedChildren(list, ({ id }) => id, () => {
    const [mark, text, detail] = [make('span'), make('strong'), make('span', { className: 'quiet' })]
    const show = problem => {
      mark.className = `badge ${problem.severity}`
      setText(mark, severityWords[problem.severity])
      setText(text, problem.text)
      setText(detail, problem.detail)
    }
    return { element: make('li', {}, mark, make('div', {}, text, ' ', detail)), update: show }
  })
  const element = make('section', { className: 'card' }, heading, line, list, asOf)
  return { element, update: (cluster, now) => {
    const problems = problemsOf({ ...facts(cluster), now })
    element.dataset.state = problems[0]?.severity ?? 'good'
    setText(line, headline(problems, cluster.nodes))
    update(problems)
    setText(asOf, asOfText(cluster))
  } }
}

function facts({ error, answeredAt, nodes, stats, departed, counters }) {
  return { error, answeredAt, nodes, stats, departed, rises: counters.rises() }
}

/** Says how far back it looks: somebody who has just opened the page must not take what is not known for nothing. */
function asOfText({ answeredAt, counters }) {
  if (answeredAt === null) return 'No answer yet.'
  const known = span(Math.max(0, ...counters.rises().map(({ span }) => span)))
  return `As of ${clock(answeredAt)}. Gaps, closed connections and refused handshakes are those of the last ${known}.`
}

const totals = [
  ['Connections', stats => count(stats.connections)],
  ['Users', stats => count(stats.users)],
  ['Channels', stats => count(stats.channels)],
  ['Subscriptions', stats => count(stats.subscriptions)],
  ['Messages in per second', stats => decimal(stats.published)],
  ['Messages out per second', stats => decimal(stats.delivered)],
]

function totalsPart() {
  const values = totals.map(() => make('dd', {}, dash))
  const list = make('dl', { className: 'totals' }, totals.map(([title], index) => {
    return make('div', {}, make('dt', {}, title), values[index])
  }))
  const missing = make('p', { className: 'quiet' })
  const about = 'In: published by clients. Out: delivered to clients. Both over the last ten seconds. ' +
    'A user or a channel on two nodes counts twice.'
  const element = card('The whole cluster', list, missing, make('p', { className: 'quiet' }, about))
  return { element, update: ({ stats, nodes }) => {
    if (stats) totals.forEach(([, value], index) => setText(values[index], value(stats)))
    const names = (stats?.partial ?? []).map(id => nodes.find(node => node.id === id)?.name ?? id)
    setText(missing, names.length ? `${listed(names)} did not answer: the true numbers are at least these.` : '')
    missing.hidden = names.length === 0
  } }
}

const rate = value => value === undefined ? dash : `${decimal(value)}/s`
const lines = [
  { title: 'Connections', name: 'connections', show: count, least: 10 },
  { title: 'Messages in', name: 'published', show: rate, least: 10 },
  { title: 'Messages out', name: 'delivered', show: rate, least: 10 },
  { title: 'Busiest loop', name: 'busiest', show: percent, least: 1 },
  { title: 'Redis round trip', name: 'roundTrip', show: milliseconds, least: 2 },
]

function linesPart({ series }) {
  const charts = lines.map(options => new Chart(series, options))
  const element = card('Ten minutes', make('div', { className: 'grid' }, charts.map(({ element }) => element)),
    make('p', { className: 'quiet' }, 'Holes are where this page was hidden, or nobody answered.'))
  return { element, update: ({ nodes }, now) => {
    charts.forEach(chart => chart.update(now))
    charts.at(-1).element.hidden = nodes.every(node => node.leaseAge === undefined)
  } }
}

function nodeName({ name, id, host }) {
  const where = host === undefined ? id : `${id} on ${host}`
  return [make('span', { className: 'name' }, name), make('small', { className: 'quiet' }, where)]
}

function inAndOut({ published, delivered }) {
  return published === undefined ? dash : `${decimal(published)} / ${decimal(delivered)}`
}

const stateOf = node => nodeState(node, node.isOld)
const number = (title, text) => ({ title, text, isNumber: true })
const broad = (title, text) => ({ ...number(title, text), isBroad: true })
const nodeColumns = [
  { title: 'Node', text: ({ name, id, host }) => `${name}\n${id}\n${host}`, render: nodeName, isLong: true },
  { title: 'State', text: node => stateOf(node).word, render: node => badge(stateOf(node)), isBroad: true },
  { title: 'Version', text: ({ version }) => version ?? dash },
  broad('Up for', ({ started, now }) => started === undefined ? dash : span(now - started)),
  number('Connections', ({ connections }) => count(connections)),
  number('Channels', ({ channels }) => count(channels)),
  broad('In / out per second', inAndOut),
  number('Outbox', ({ outbox }) => bytes(outbox)),
  number('Busiest loop', ({ busiestLoop }) => percent(busiestLoop)),
  number('Memory', ({ memory }) => bytes(memory)),
  number('Lease age', ({ leaseAge }) => leaseAge === undefined ? dash : span(leaseAge)),
  number('Redis round trip', ({ redisRoundTrip }) => milliseconds(redisRoundTrip)),
]

function nodesPart() {
  const caption = 'Nodes: state, version, time since the start, connections, channels, ' +
    'messages in and out per second, bytes that wait for clients to read, share of time the busiest loop works, ' +
    'memory, age of the lease, round trip to Redis'
  const empty = 'No node has answered yet.'
  const nodes = table({ caption, key: ({ id }) => id, empty, columns: nodeColumns, isWide: true })
  const element = card('Nodes', nodes.element)
  return { element, update: (cluster, now) => {
    const isOld = cluster.error !== null
    nodes.update(cluster.nodes.map(node => ({ ...node, isOld, now: isOld ? cluster.answeredAt : now })))
  } }
}
