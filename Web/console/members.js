import { card, keyedChildren, make, outcome, setText, table } from './elements.js'
import { setHidden } from './focus.js'
import { clock, count, dash, moment, plural } from './format.js'
import { apiPath, reading } from './request.js'
import { routeTo } from './routes.js'

const memberPage = 200
/** Milliseconds after which members are read again although their number is the same. */
const longest = 10_000

/** Who is present in a channel, by the node each is on. */
export class Members {
  #api
  #channel
  #signal
  #summary = make('p', { className: 'quiet' })
  #result = outcome()
  #more = make('button', { type: 'button', hidden: true, onclick: () => this.#readMore() }, 'Show more')
  #groups = make('div', { className: 'stack', tabIndex: -1, role: 'group', 'aria-label': 'Members by node' })
  #showGroups
  /** By client: one that comes or goes meanwhile may be told twice. */
  #connections = new Map()
  #cursor
  /** Further pages are a look at one moment: from then on nothing is read by itself, which would take them away. */
  #isPaged = false
  #read = { members: null, at: -Infinity }
  /** The load that was begun last: what an older one brings later is dropped. */
  #latest

  constructor({ api, mayAct }, { name }, signal) {
    this.#api = api
    this.#channel = name
    this.#signal = signal
    this.#showGroups = keyedChildren(this.#groups, ([node]) => node, ([node]) => nodeGroup(node, name, mayAct))
    this.element = card('Members by node', this.#summary, this.#result.element, this.#groups, this.#more)
  }

  /** Told every two seconds how many members there are. */
  update({ members }) {
    if (this.#isPaged || members === this.#read.members && Date.now() - this.#read.at < longest) return
    this.#read = { members, at: Date.now() }
    this.#load()
  }

  #readMore() {
    this.#isPaged = true
    this.#load(this.#cursor)
  }

  async #load(cursor) {
    const mine = this.#latest = {}
    try {
      const request = reading(apiPath`channels/${this.#channel}/presence`, { limit: memberPage, cursor })
      const page = await this.#api.ask(request, { signal: this.#signal })
      if (mine !== this.#latest) return
      if (cursor === undefined) this.#connections.clear()
      for (const connection of page.connections) this.#connections.set(connection.client, connection)
      this.#cursor = page.cursor
      this.#show(page.count)
    } catch (error) {
      if (!this.#signal.aborted && mine === this.#latest) this.#result.fail(error.message)
    }
  }

  #show(members) {
    const shown = `${plural(members, 'member')}, ${plural(this.#connections.size, 'connection')} shown`
    setText(this.#summary, this.#isPaged ? `${shown}, as of ${clock(Date.now())}` : shown)
    this.#result.say('')
    this.#showGroups(membersByNode(this.#connections.values()))
    setHidden(this.#more, this.#cursor === undefined, () => this.#groups)
  }
}

/** In order, which that of the answers is not: so rows do not change places. @returns {[string, object[]][]} */
function membersByNode(connections) {
  const groups = new Map()
  for (const connection of [...connections].sort(byUser)) {
    const node = connection.node ?? 'this node'
    groups.set(node, [...groups.get(node) ?? [], connection])
  }
  return [...groups].sort(([a], [b]) => a.localeCompare(b))
}

function byUser(a, b) {
  return (a.user ?? '').localeCompare(b.user ?? '') || a.client.localeCompare(b.client)
}

/** A heading and a table for each node. */
function nodeGroup(node, channel, mayAct) {
  const number = make('span', { className: 'quiet' })
  const members = table({
    caption: `Members on ${node}: user, connection, since when, what they show`,
    key: ({ client }) => client, empty: '', columns: memberColumns(channel, mayAct),
  })
  const element = make('section', {}, make('h3', {}, node, ' ', number), members.element)
  return { element, update: ([, connections]) => {
    setText(number, count(connections.length))
    members.update(connections)
  } }
}

function memberColumns(channel, mayAct) {
  const shows = ({ info }) => info === undefined ? dash : JSON.stringify(info)
  const columns = [
    { title: 'User', text: ({ user }) => user ?? 'anonymous', render: userLink, isLong: true },
    { title: 'Connection', text: ({ client }) => client, render: ({ client }) => make('code', {}, client) },
    { title: 'Since', text: ({ since }) => moment(since) },
    { title: 'Shows', text: shows, render: member => make('code', {}, shows(member)), isLong: true },
  ]
  const act = { title: 'Act', text: ({ user }) => user ?? dash, render: ({ user }) => takeOutLink(user, channel) }
  return mayAct ? [...columns, act] : columns
}

function userLink({ user }) {
  return user === null ? 'anonymous' : make('a', { href: routeTo('users', { user }) }, user)
}

function takeOutLink(user, channel) {
  return user === null ? dash : make('a', { href: routeTo('act', { do: 'take-out', user, channel }) }, 'Take out')
}
