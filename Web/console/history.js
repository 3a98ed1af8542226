import { card, make, outcome } from './elements.js'
import { eventRow } from './events.js'
import { whileDisabled } from './focus.js'
import { readOlder } from './older.js'
import { apiPath, reading } from './request.js'

const historyPage = 50

/** What a channel keeps, newest first, page by page. */
export class ChannelHistory {
  #api
  #channel
  #signal
  #list = make('ol', { className: 'events', tabIndex: 0, 'aria-label': 'What is kept, newest first' })
  #result = outcome()
  #newest = make('button', { type: 'button', onclick: () => this.#attempt(this.#readNewest) }, 'Read the newest')
  #older = make('button', { type: 'button', onclick: () => this.#attempt(this.#readOlder) }, 'Read older ones')
  #epoch = ''
  /** Offset of the oldest message shown. */
  #first = 0

  constructor({ api }, { name }, signal) {
    this.#api = api
    this.#channel = name
    this.#signal = signal
    this.#older.hidden = true
    const buttons = make('div', { className: 'row' }, this.#newest, this.#older)
    this.element = card('History', buttons, this.#result.element, this.#list)
    this.#attempt(this.#readNewest)
  }

  #attempt(task) {
    return whileDisabled([this.#newest, this.#older], async () => {
      try {
        await task()
      } catch (error) {
        if (!this.#signal.aborted) this.#result.fail(error.message)
      }
    }, this.#list)
  }

  #readNewest = async () => {
    const answer = await this.#read({ limit: historyPage })
    this.#epoch = answer.epoch
    this.#list.replaceChildren()
    this.#show(answer.messages)
  }

  #readOlder = async () => {
    const where = { epoch: this.#epoch, before: this.#first, amount: historyPage }
    const messages = await readOlder(this.#read, where)
    if (messages) this.#show(messages)
    else this.#result.fail('The history is another one now: read the newest.')
  }

  #read = query => {
    return this.#api.ask(reading(apiPath`channels/${this.#channel}/history`, query), { signal: this.#signal })
  }

  #show(messages) {
    this.#list.append(...messages.toReversed().map(message => eventRow(message)))
    this.#first = messages[0]?.offset ?? this.#first
    const isAll = messages.length === 0 || this.#first <= 1
    this.#older.hidden = isAll
    const isEmpty = this.#list.childElementCount === 0
    this.#result.say(isEmpty ? 'Nothing is kept now.' : isAll ? 'That is all that is kept.' : '')
  }
}
