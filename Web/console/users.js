import { card, field, make, outcome, table, unassisted, viewHeading } from './elements.js'
import { dash, listed, moment, plural } from './format.js'
import { apiPath, reading } from './request.js'
import { repeat } from './repeat.js'
import { noteRoute, routeTo } from './routes.js'

/** Where a user is: each connection, and the channels that it is in. */
export function usersView(app, { user = '' }, signal) {
  return new Users(app, user, signal).elements
}

class Users {
  #api
  #mayAct
  #signal
  #user
  #name
  #result = outcome()
  #connections
  #actions = make('p', { className: 'row' })
  #found = make('div', { className: 'stack', hidden: true })

  constructor({ api, mayAct }, user, signal) {
    this.#api = api
    this.#mayAct = mayAct
    this.#signal = signal
    this.#user = user
    this.#name = make('input', { value: user, maxLength: 200, required: true, ...unassisted })
    this.#connections = connectionTable(mayAct)
    this.#found.append(this.#connections.element, this.#actions)
    const hint = make('p', { className: 'quiet' }, 'There is no list of users: the members of a channel link to here.')
    const again = repeat(() => this.#load(), 2_000, signal)
    const whereabouts = card('Where is a user?', this.#form(again), hint, this.#result.element, this.#found)
    this.elements = [viewHeading('Users'), whereabouts]
  }

  #form(again) {
    const look = event => {
      event.preventDefault()
      this.#user = this.#name.value
      this.#found.hidden = true
      noteRoute('users', { user: this.#user })
      again()
    }
    return make('form', { className: 'row fields', role: 'search', onsubmit: look },
      field('User', this.#name), make('button', { className: 'primary' }, 'Look'))
  }

  async #load() {
    const user = this.#user
    if (user === '') return
    try {
      const answer = await this.#api.ask(reading(apiPath`users/${user}`), { signal: this.#signal })
      if (user !== this.#user) return
      if (this.#found.hidden) this.#actions.replaceChildren(...userActs(this.#mayAct, user))
      this.#connections.update(answer.connections)
      this.#found.hidden = false
      this.#result.say(userSummary(answer))
    } catch (error) {
      if (!this.#signal.aborted) this.#result.fail(error.message)
    }
  }
}

function userSummary({ user, connections, partial }) {
  const known = `${user} has ${plural(connections.length, 'connection')}.`
  return partial ? `${known} What is on ${listed(partial)} may be missing.` : known
}

function connectionTable(mayAct) {
  const disconnect = ({ client }) => {
    return make('a', { href: routeTo('act', { do: 'disconnect-one', client }) }, 'Disconnect')
  }
  const columns = [
    { title: 'Connection', text: ({ client }) => client, render: ({ client }) => make('code', {}, client) },
    { title: 'Node', text: ({ node }) => node },
    { title: 'Address', text: ({ ip }) => ip ?? dash },
    { title: 'Since', text: ({ since }) => moment(since) },
    { title: 'Channels', text: ({ channels }) => channels.join('\n'), render: channelLinks, isLong: true },
    ...mayAct ? [{ title: 'Act', text: ({ client }) => client, render: disconnect }] : [],
  ]
  return table({
    caption: 'Connections of the user: id, node, address, since when, channels',
    key: ({ client }) => client, empty: 'Nobody of this name is connected.', columns,
  })
}

function channelLinks({ channels }) {
  if (channels.length === 0) return dash
  const items = channels.map(name => make('li', {}, make('a', { href: routeTo('channel', { name }) }, name)))
  return make('ul', { className: 'inline' }, items)
}

function userActs(mayAct, user) {
  if (!mayAct) return []
  const texts = {
    notify: 'Notify', put: 'Put into a channel', 'take-out': 'Take out of a channel', disconnect: 'Disconnect',
  }
  return Object.entries(texts).map(([action, text]) => make('a', { href: routeTo('act', { do: action, user }) }, text))
}
