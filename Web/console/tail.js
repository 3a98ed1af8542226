import { card, field, make, outcome } from './elements.js'
import { eventRow } from './events.js'
import { clock, count } from './format.js'
import { follow } from './follow.js'

const longestTail = 500
/** Milliseconds for which events are gathered before they are shown. */
const pace = 200

/** What comes in a channel, as long as somebody listens here. */
export class Tail {
  #api
  #channel
  #list = make('ol', { className: 'events', tabIndex: 0, 'aria-label': 'What has come, newest first' })
  #button = make('button', { type: 'button', className: 'primary', onclick: () => this.#toggle() }, 'Listen')
  #presence = make('input', { type: 'checkbox' })
  #result = outcome()
  /** Ends the stream that is open. @type {AbortController | null} */
  #listening = null
  #waiting = []
  #timer = null

  constructor({ api }, { name, rule }, signal) {
    this.#api = api
    this.#channel = name
    this.#presence.checked = rule.presence
    const about = make('p', { className: 'quiet' }, 'Listening here counts as a connection and as a listener.')
    const choice = rule.presence ? field('with joins and leaves', this.#presence) : null
    const controls = make('div', { className: 'row' }, this.#button, choice)
    this.element = card('Live', about, controls, this.#result.element, this.#list)
    signal.addEventListener('abort', () => this.#listening?.abort())
  }

  #toggle() {
    if (this.#listening) this.#stop()
    else this.#listen()
  }

  #listen() {
    this.#listening = new AbortController()
    this.#button.textContent = 'Stop'
    this.#presence.disabled = true
    follow(this.#api, this.#channel, {
      presence: this.#presence.checked,
      signal: this.#listening.signal,
      take: event => this.#take(event),
      say: this.#result.say,
    }).catch(error => {
      this.#stop()
      this.#result.fail(error.message)
    })
  }

  #stop() {
    this.#listening.abort()
    this.#listening = null
    this.#button.textContent = 'Listen'
    this.#presence.disabled = false
    this.#result.say('')
  }

  /** Shows events in one go for those of a moment: thousands a second must not stop the browser. */
  #take(event) {
    this.#waiting.push({ event, at: Date.now() })
    this.#timer ??= setTimeout(() => this.#show(), pace)
  }

  #show() {
    const left = this.#waiting.length - longestTail
    const rows = this.#waiting.slice(-longestTail).toReversed().map(({ event, at }) => eventRow(event, at))
    const notShown = `${count(left)} more at ${clock(Date.now())} are not shown.`
    if (left > 0) rows.push(make('li', { className: 'quiet' }, notShown))
    this.#timer = null
    this.#waiting = []
    this.#list.prepend(...rows)
    while (this.#list.childElementCount > longestTail) this.#list.lastElementChild.remove()
  }
}
