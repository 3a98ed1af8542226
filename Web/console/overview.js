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

const severityWords = { bad: 'wrong', warn: 'look', note: 'note' }

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

function facts({ error, nodes, stats, departed, counters }) {
  return { error, nodes, stats, departed, summaries: counters.summaries(nodes) }
}

function asOfText({ answeredAt, isWithoutMetrics }) {
  const at = answeredAt === null ? 'No answer yet.' : `As of ${clock(answeredAt)}.`
  const closed = 'Gaps, ended connections and refused handshakes are not looked at: /metrics cannot be read from here.'
  return isWithoutMetrics ? `${at} ${closed}` : at
}

const totals = [
  ['Connections', stats => count(stats.connections)],
  ['Users', stats => count(stats.users)],
  ['Channels', stats => count(stats.channels)],
  ['Subscriptions', stats => count(stats.subscriptions)],
  ['In, a second', stats => decimal(stats.published)],
  ['Out, a second', stats => decimal(stats.delivered)],
]

function totalsPart() {
  const values = totals.map(() => make('dd', {}, dash))
  const list = make('dl', { className: 'totals' }, totals.map(([title], index) => {
    return make('div', {}, make('dt', {}, title), values[index])
  }))
  const missing = make('p', { className: 'quiet' })
  const about = 'A user or a channel on two nodes counts twice. In is what clients publish, over the last ten seconds.'
  const element = card('The whole cluster', list, missing, make('p', { className: 'quiet' }, about))
  return { element, update: ({ stats, nodes }) => {
    if (stats) totals.forEach(([, value], index) => setText(values[index], value(stats)))
    const names = (stats?.partial ?? []).map(id => nodes.find(node => node.id === id)?.name ?? id)
    setText(missing, names.length ? `Without ${listed(names)}: at least so many.` : '')
    missing.hidden = names.length === 0
  } }
}

const lines = [
  { title: 'Connections', name: 'connections', show: count, least: 10 },
  { title: 'In, a second', name: 'published', show: decimal, least: 10 },
  { title: 'Out, a second', name: 'delivered', show: decimal, least: 10 },
  { title: 'Busiest loop', name: 'busiest', show: percent, least: 1 },
  { title: 'Redis round trip', name: 'roundTrip', show: milliseconds, least: 2 },
]

function linesPart({ series }) {
  const charts = lines.map(options => new Chart(series, options))
  const element = card('Ten minutes', make('div', { className: 'grid' }, charts.map(({ element }) => element)),
    make('p', { className: 'quiet' }, 'As long as this page has been open and seen.'))
  return { element, update: ({ nodes }, now) => {
    charts.forEach(chart => chart.update(now))
    charts.at(-1).element.hidden = nodes.every(node => node.leaseAge === undefined)
  } }
}

const summaryOf = (summaries, node) => summaries.find(summary => summary.node?.id === node.id)

function nodeName({ name, id, host }) {
  const where = host === undefined ? id : `${id} on ${host}`
  return [make('span', { className: 'name' }, name), make('small', { className: 'quiet' }, where)]
}

/** Known from the second look at what it counts. */
function inAndOut({ summary }) {
  return summary?.published === undefined ? dash : `${decimal(summary.published)} / ${decimal(summary.delivered)}`
}

const number = (title, text) => ({ title, text, isNumber: true })
const nodeColumns = [
  { title: 'Node', text: ({ name, id, host }) => `${name}\n${id}\n${host}`, render: nodeName, isLong: true },
  { title: 'State', text: node => nodeState(node).word, render: node => badge(nodeState(node)) },
  { title: 'Version', text: ({ version }) => version ?? dash },
  number('Up for', ({ started, now }) => started === undefined ? dash : span(now - started)),
  number('Connections', ({ connections }) => count(connections)),
  number('Channels', ({ channels }) => count(channels)),
  number('In / out', inAndOut),
  number('Waiting', ({ summary }) => bytes(summary?.now.outbox)),
  number('Busiest loop', ({ busiestLoop }) => percent(busiestLoop)),
  number('Memory', ({ memory }) => bytes(memory)),
  number('Lease', ({ leaseAge }) => leaseAge === undefined ? dash : span(leaseAge)),
  number('Redis', ({ redisRoundTrip }) => milliseconds(redisRoundTrip)),
]

function nodesPart() {
  const caption = 'Nodes: state, version, time since the start, connections, channels, messages in and out a second, ' +
    'bytes that wait for clients, share of time the busiest loop works, memory, age of the lease, round trip to Redis'
  const empty = 'No node has answered yet.'
  const nodes = table({ caption, key: ({ id }) => id, empty, columns: nodeColumns, isWide: true })
  const about = make('p', { className: 'quiet' },
    'In / out a second and what waits in outboxes are known of nodes only that answer /metrics here.')
  const element = card('Nodes', nodes.element, about)
  return { element, update: (cluster, now) => {
    const summaries = cluster.counters.summaries(cluster.nodes)
    nodes.update(cluster.nodes.map(node => ({ ...node, now, summary: summaryOf(summaries, node) })))
    about.hidden = cluster.nodes.every(node => summaryOf(summaries, node))
  } }
}
