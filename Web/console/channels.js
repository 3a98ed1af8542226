import { field, make, outcome, table, unassisted, viewHeading } from './elements.js'
import { setHidden } from './focus.js'
import { count, listed, plural } from './format.js'
import { reading } from './request.js'
import { repeat } from './repeat.js'
import { noteRoute, routeTo } from './routes.js'

const firstPage = 100
/** More are not shown at once: a person looks for one by a pattern. */
const most = 1_000

/** Channels that somebody listens to, by pattern. */
export function channelsView({ api }, { match = '', sort = 'name' }, signal) {
  return new Channels(api, { match, sort }, signal).elements
}

class Channels {
  #api
  #signal
  #pattern
  #order
  #list = channelTable()
  #more = make('button', { type: 'button', hidden: true, onclick: () => this.#showMore() }, 'Show more')
  #result = outcome()
  #wanted = firstPage
  /** Asks at once. */
  #again

  constructor(api, { match, sort }, signal) {
    this.#api = api
    this.#signal = signal
    this.#pattern = make('input', { value: match, maxLength: 200, placeholder: 'room:*', ...unassisted })
    this.#order = make('select', {},
      make('option', { value: 'name' }, 'name'), make('option', { value: 'subscribers' }, 'listeners, most first'))
    this.#order.value = sort === 'subscribers' ? sort : 'name'
    const parts = [this.#form(), this.#result.element, this.#list.element, this.#more]
    this.elements = [viewHeading('Channels'), make('section', { className: 'card' }, parts)]
    this.#again = repeat(() => this.#load(), 2_000, signal)
  }

  #form() {
    const ask = () => {
      this.#wanted = firstPage
      this.#again()
    }
    // Browsers allow few changes of the address in a short time: so not at every letter.
    const note = () => noteRoute('channels', this.#query())
    const submit = event => {
      event.preventDefault()
      note()
    }
    return make('form', { className: 'row fields', role: 'search', oninput: ask, onchange: note, onsubmit: submit },
      field('Pattern', this.#pattern, '* stands for any text; empty: all'), field('In order of', this.#order))
  }

  /** What stands in the fields; empty where it is what counts without. */
  #query() {
    return { match: this.#pattern.value.trim(), sort: this.#order.value === 'name' ? '' : this.#order.value }
  }

  get #links() {
    return [...this.#list.element.querySelectorAll('a')]
  }

  #showMore() {
    this.#wanted = Math.min(most, this.#wanted * 2)
    this.#again()
  }

  async #load() {
    const query = this.#query()
    try {
      const answer = await listChannels(this.#api, query, this.#wanted, this.#signal)
      // Typed on meanwhile: the next answer is on its way.
      if (JSON.stringify(query) !== JSON.stringify(this.#query())) return
      const shown = this.#links.length
      this.#list.update(answer.channels)
      // On with the first of those that were not there before.
      const next = () => this.#links[shown] ?? this.#links.at(-1) ?? this.#pattern
      setHidden(this.#more, !answer.hasMore || this.#wanted >= most, next)
      this.#result.say(channelsSummary(answer))
    } catch (error) {
      if (!this.#signal.aborted) this.#result.fail(error.message)
    }
  }
}

function channelTable() {
  const link = ({ name }) => make('a', { href: routeTo('channel', { name }) }, name)
  return table({
    caption: 'Channels that somebody listens to: name, listeners and members',
    key: ({ name }) => name,
    empty: 'Nobody listens to such a channel now. A channel is there as soon as somebody subscribes to it.',
    columns: [
      { title: 'Channel', text: ({ name }) => name, render: link, isLong: true },
      { title: 'Listeners', text: ({ subscribers }) => count(subscribers), isNumber: true },
      { title: 'Members', text: ({ members }) => count(members), isNumber: true },
    ],
  })
}

/** So many channels, by as many pages as it takes: a page may have fewer than it was asked for. */
async function listChannels(api, { match, sort }, wanted, signal) {
  const channels = []
  const partial = new Set()
  let after
  do {
    const query = { match, sort, limit: wanted - channels.length, after }
    const page = await api.ask(reading('channels', query), { signal })
    channels.push(...page.channels)
    for (const node of page.partial ?? []) partial.add(node)
    after = page.after
  } while (after !== undefined && channels.length < wanted)
  // By listeners there is one page, whose end is not told.
  const hasMore = after !== undefined || sort === 'subscribers' && channels.length >= wanted
  return { channels, partial: [...partial], hasMore }
}

function channelsSummary({ channels, partial, hasMore }) {
  const narrow = channels.length >= most ? '; narrow the pattern to see others' : ''
  const amount = plural(channels.length, 'channel')
  const shown = hasMore ? `The first ${amount}${narrow}.` : `${amount}.`
  return partial.length ? `${shown} What is on ${listed(partial)} may be missing.` : shown
}
