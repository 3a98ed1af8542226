/**
 * What the pages share: who this tab is, the hash of the address, elements, words, and `<apus-status>`, which shows how
 * the connection is. Nothing here is needed to use Apus.
 */

/** The parameters behind the `#` of the address, so that a link can name a room or a document. */
export const hash = {
  /** @param {string} key @returns {string | null} */
  get(key) {
    return new URLSearchParams(location.hash.slice(1)).get(key)
  },

  /** Changes the address without a new entry in the history; `null` takes the parameter away. */
  set(key, value) {
    const parameters = new URLSearchParams(location.hash.slice(1))
    if (value === null) parameters.delete(key)
    else parameters.set(key, value)
    // A colon is allowed in a hash, and `demo:lobby` is easier to read than `demo%3Alobby`.
    history.replaceState(null, '', '#' + parameters.toString().replaceAll('%3A', ':'))
  },
}

/** The beginning of a text, without half of an emoji at its end: a half becomes another letter on its way to a node. */
export function cutTo(text, most) {
  return text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '').toWellFormed()
}

// Each tab is a person of its own. The name is in the storage only while the page is away, which is during a reload: a
// tab that is duplicated finds no name to copy.
const storageKey = 'apus-name'
const given = cutTo(hash.get('name')?.replace(/\p{Cc}/gu, '').trim() ?? '', 40).trim()
let name = given || stored(storage => storage.getItem(storageKey)) || madeUp()
addEventListener('pageshow', () => stored(storage => storage.removeItem(storageKey)))
addEventListener('pagehide', () => stored(storage => storage.setItem(storageKey, name)))

/** The name of this tab's person. */
export function me() {
  return name
}

/** Takes another name. It counts for clients that are made afterwards. */
export function rename(other) {
  name = other
  if (hash.get('name') !== null) hash.set('name', other)
}

/** The storage may be forbidden, and throws then. */
function stored(action) {
  try { return action(sessionStorage) } catch { return null }
}

function madeUp() {
  const pick = list => list[Math.floor(Math.random() * list.length)]
  const manners = 'Quiet Swift Sunny Brave Gentle Merry Clever Calm Bright Curious Nimble Kind Bold Patient'.split(' ')
  const animals = 'Otter Swallow Heron Badger Lynx Hare Robin Beaver Falcon Marten Owl Ibex Seal Fox'.split(' ')
  return `${pick(manners)} ${pick(animals)}`
}

/**
 * Makes an element. Properties are assigned, or set as attributes where the name has a dash, as in `aria-label`.
 * Children are nodes or text; `null` ones are left out.
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes('-')) element.setAttribute(key, value)
    else element[key] = value
  }
  element.append(...children.filter(child => child !== null && child !== undefined))
  return element
}

/** Replaces the items of a list. Who stands on one with the keyboard stays there: items have a `data-key`. */
export function fill(list, items) {
  const key = list.contains(document.activeElement) ? document.activeElement.dataset.key : undefined
  list.replaceChildren(...items)
  if (key !== undefined) [...list.querySelectorAll('[data-key]')].find(each => each.dataset.key === key)?.focus()
}

/** A picture of a person: the first letter, in a colour made of the name. It says nothing that the name does not. */
export function avatar(name) {
  const letter = [...name][0]?.toUpperCase() ?? ''
  const element = make('span', { className: 'avatar', textContent: letter, 'aria-hidden': 'true' })
  element.style.setProperty('--hue', [...name].reduce((hue, letter) => (hue * 31 + letter.codePointAt(0)) % 360, 0))
  return element
}

/** Names in a sentence: "Ada, Bob and 3 others". @param {string[]} names */
export function listed(names, most = 3) {
  const shown = names.length > most + 1 ? [...names.slice(0, most), `${names.length - most} others`] : names
  return new Intl.ListFormat('en').format(shown)
}

/** A text that nobody else makes up. `crypto.randomUUID` is there on https and localhost alone. */
export function unique() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), part => part.toString(36)).join('')
}

/** The local time of day. @param {number} ts */
export function clock(ts) {
  return new Date(ts).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
}

/** The day, by its date: "Today" would not be true for long. @param {number} ts */
export function day(ts) {
  return new Date(ts).toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long' })
}

/** How long something took, in words. @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return 'less than a second'
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds % 3600 / 60)} min`
}

/** The name of a node: its id is the name and, after a dot, which of its lives this is. */
export function nodeName(id) {
  return id?.replace(/\.[^.]*$/, '') ?? ''
}

/**
 * The nodes of a cluster on this machine, with the address of a page on each. A script that starts such a cluster
 * publishes their ports in `demo:nodes`; elsewhere there are none.
 * @returns {Promise<{ name: string, href: (path?: string) => string }[]>}
 */
export async function nodes(client) {
  try {
    const { messages } = await client.channel('demo:nodes').history({ limit: 1 })
    const list = messages.at(-1)?.data?.nodes
    // Anybody may publish there, so names and ports are taken from it and nothing else.
    const isUsable = each => typeof each?.name === 'string' && Number.isInteger(each.port) && each.port > 0 && each.port < 65_536
    const usable = Array.isArray(list) ? list.filter(isUsable) : []
    return usable.slice(0, 16).map(({ name, port }) => ({ name: cutTo(name, 40), href: path => onPort(port, path) }))
  } catch {
    return []
  }
}

/** This page, or the one at `path`, at another port; with the same hash, but as another person. */
function onPort(port, path) {
  const url = new URL(path ?? location.href, location.href)
  const parameters = new URLSearchParams(url.hash.slice(1))
  parameters.delete('name')
  url.port = port
  url.hash = parameters.toString().replaceAll('%3A', ':')
  return url.href
}

const words = { offline: 'Offline', connecting: 'Connecting', connected: 'Connected', reconnecting: 'Reconnecting' }
const transports = { websocket: 'WebSocket', sse: 'Server-Sent Events', poll: 'Polling' }

/**
 * `<apus-status>`: a button with a dot and a word, which opens the details. Give it a client:
 * `document.querySelector('apus-status').client = client`.
 */
class ApusStatus extends HTMLElement {
  #client = null
  #detach = null            // ends all listeners on the client
  #ticking = null           // counts down to the next attempt
  #lostAt = null
  #reconnects = 0
  #lastOutage = 'none'
  #lastGap = null
  #watched = new Set()      // handles

  #word = make('span', { textContent: words.offline })
  #more = make('span', { className: 'status-more' })
  #spoken = make('span', { className: 'visually-hidden', 'aria-live': 'polite' })
  #facts = make('dl')
  #links = make('nav', { className: 'status-nodes', hidden: true, 'aria-label': 'Other nodes' })
  #button = make('button',
    { className: 'status-button', type: 'button', 'aria-expanded': 'false', 'aria-controls': 'apus-status-panel' },
    make('span', { className: 'status-dot', 'aria-hidden': 'true' }), this.#word, this.#more)
  #panel = make('div',
    { className: 'status-panel', id: 'apus-status-panel', hidden: true, 'aria-label': 'Connection', role: 'group' },
    this.#facts,
    make('button', { type: 'button', textContent: 'Cut the connection', onclick: () => this.#client?.reconnect() }),
    this.#links)

  connectedCallback() {
    if (this.firstChild) return
    this.append(this.#button, this.#panel, this.#spoken)
    this.#button.onclick = () => this.#open(this.#panel.hidden)
    this.addEventListener('keydown', event => {
      if (event.key !== 'Escape' || this.#panel.hidden) return
      event.stopPropagation()
      this.#open(false)
      this.#button.focus()
    })
    document.addEventListener('click', event => {
      if (!event.composedPath().includes(this)) this.#open(false)
    })
    this.#show()
  }

  get client() {
    return this.#client
  }

  set client(client) {
    this.#detach?.abort()
    this.#detach = new AbortController()
    this.#client = client
    this.#watched.clear()
    const options = { signal: this.#detach.signal }
    client.on('state', change => this.#follow(change), options)
    client.on('connected', () => { this.#show(); this.#findNodes() }, options)
    client.on('latency', () => this.#show(), options)
    this.#show()
    if (client.state === 'connected') this.#findNodes()
  }

  /**
   * Shows when messages may have been missed in this channel: the handle that the page has subscribed. `left` is the
   * signal by which a page that leaves the channel says so.
   */
  watch(channel, left) {
    if (this.#watched.has(channel)) return
    this.#watched.add(channel)
    const off = channel.on('gap', () => {
      this.#lastGap = `${channel.name}, ${clock(Date.now())}`
      this.#show()
    }, { signal: this.#detach.signal })
    left?.addEventListener('abort', () => {
      off()
      this.#watched.delete(channel)
    })
    this.#show()
  }

  #open(open) {
    this.#panel.hidden = !open
    this.#button.setAttribute('aria-expanded', open)
  }

  #follow({ state, previous }) {
    if (previous === 'connected') this.#lostAt = Date.now()
    if (state === 'connected' && this.#lostAt !== null) {
      this.#reconnects += 1
      this.#lastOutage = `${duration(Date.now() - this.#lostAt)}, ${clock(Date.now())}`
      this.#lostAt = null
    }
    clearInterval(this.#ticking)
    if (state === 'reconnecting') this.#ticking = setInterval(() => this.#show(), 500)
    this.#show()
    this.#speak(state)
  }

  /** Tells a screen reader of an outage that lasts, and of its end; not of a blink. */
  #speak(state) {
    if (state === 'connected' && this.#spoken.textContent) this.#spoken.textContent = 'Connected again'
    if (state === 'reconnecting') setTimeout(() => {
      if (this.#client.state === 'reconnecting') this.#spoken.textContent = 'Connection lost, reconnecting'
    }, 2000)
  }

  #show() {
    const { state = 'offline', node = null, transport = null, latency = null, retryAt = null } = this.#client ?? {}
    this.dataset.state = state
    this.dataset.node = node ?? ''
    this.dataset.transport = transport ?? ''
    const wait = retryAt === null ? 0 : Math.ceil((retryAt - Date.now()) / 1000)
    this.#word.textContent = words[state]
    this.#more.textContent = state === 'connected' ? nodeName(node) : wait > 1 ? `in ${wait} s` : ''
    const facts = {
      Node: node ?? 'none',
      Transport: transports[transport] ?? 'none',
      Latency: latency === null ? 'not measured yet' : `${latency < 10 ? latency.toFixed(1) : Math.round(latency)} ms`,
      Reconnects: String(this.#reconnects),
      'Last outage': this.#lastOutage,
    }
    if (this.#watched.size) facts['Last gap'] = this.#lastGap ?? 'none'
    this.#facts.replaceChildren(...Object.entries(facts).flatMap(([term, value]) =>
      [make('dt', { textContent: term }), make('dd', { textContent: value })]))
  }

  async #findNodes() {
    const others = (await nodes(this.#client)).filter(node => node.name !== nodeName(this.#client.node))
    this.#links.hidden = others.length === 0
    this.#links.replaceChildren(make('p', { textContent: 'Open on another node' }), make('ul', {}, ...others.map(node =>
      make('li', {}, make('a', { href: node.href(), target: '_blank', rel: 'noopener', textContent: node.name })))))
  }
}

customElements.define('apus-status', ApusStatus)
