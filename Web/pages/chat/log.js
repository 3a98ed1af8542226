import { avatar, clock, day, listed, make } from '/demo.js'
import { isOwn, isText, labelOf, nodeOf, shortened, textOf } from './words.js'

const MOST_ROWS = 500
const ONE_SPEECH = 5 * 60_000  // ms within which somebody who goes on speaking is not named again
const AT_END = 40              // px above the end that still count as the end

/** What is said in a conversation, as bubbles, with lines between them. */
export class Log {
  /** Whether the end is in sight, and stays there when something comes. */
  isFollowing = true
  #day = ''
  #arrivals = null
  #unreadLine = make('p', { className: 'line unread', textContent: 'New messages' })

  /** @param {string} label @param {() => void} scrolled */
  constructor(label, scrolled) {
    this.element = make('div', { className: 'log', role: 'log', tabIndex: 0, hidden: true, 'aria-label': label })
    this.element.onscroll = scrolled
    new ResizeObserver(() => this.scrollToEnd()).observe(this.element)
  }

  /** The newest line or bubble. */
  get last() { return this.element.lastElementChild }

  get hasMessages() { return this.element.querySelector('.message') !== null }

  /** While it is being filled, screen readers wait. @param {boolean} isBusy */
  set isBusy(isBusy) { this.element.ariaBusy = String(isBusy) }

  /** A bubble. @returns {HTMLElement} */
  addMessage(message) {
    const { from, client, ts } = message
    if (day(ts) !== this.#day) this.addLine(this.#day = day(ts), 'day')
    const sender = isOwn(message) ? 'You' : labelOf({ user: from, client })
    const className = isOwn(message) ? 'message own' : 'message'
    const { text, left } = shortened(textOf(message))
    const kinds = `said ${isText(message) ? '' : 'json'} ${/\S{100}/.test(text) ? 'long' : ''}`
    const element = make('article', { className, 'data-sender': sender, 'data-ts': ts }, avatar(sender),
      make('div', { className: 'bubble' },
        make('p', { className: 'meta', dir: 'auto' }, make('strong', { textContent: sender }), ' ',
          make('time', { textContent: clock(ts) })),
        make('p', { className: kinds, dir: 'auto' }, text,
          left && make('span', { className: 'left', textContent: left })),
        make('p', { className: 'fate' })))
    this.#append(element)
    setFollows(element)
    return element
  }

  /** Moves one of our bubbles to where all others see it, with the time that it has for them. */
  settle(bubble, ts) {
    bubble.querySelector('time').textContent = clock(ts)
    const after = bubble.nextElementSibling
    if (after) this.#append(bubble)
    for (const each of [after, bubble]) if (each) setFollows(each)
  }

  /** What became of one of our bubbles: `pending`, `failed` or nothing of note; and words on it. */
  setFate(bubble, fate, ...content) {
    bubble.classList.toggle('pending', fate === 'pending')
    bubble.classList.toggle('failed', fate === 'failed')
    bubble.querySelector('.fate').replaceChildren(...content)
    this.scrollToEnd()
  }

  /** @param {string} text @param {'' | 'bad' | 'day' | 'notice'} kind @param {...Node} more */
  addLine(text, kind = '', ...more) {
    const short = shortened(text)
    return this.#append(make('p', { className: `line ${kind}`, dir: 'auto' }, short.text, short.left, ...more))
  }

  /** Puts a line where it belongs, if that is not at the end. */
  putBefore(message, line) {
    message.before(line)
    setFollows(message)
  }

  /** Those who come, or go, one after the other share a line. */
  addArrivals({ joined, left }) {
    for (const [verb, members] of [['joined', joined], ['left', left]]) {
      if (members.length) this.#addArrival(verb, members)
    }
  }

  #addArrival(verb, members) {
    const last = this.#arrivals
    const goesOn = last?.verb === verb && last.line === this.last
    const names = [...new Set([...goesOn ? last.names : [], ...members.map(labelOf)])]
    const node = verb === 'joined' && names.length === 1 ? nodeOf(members[0]) : ''
    const text = `${listed(names)} ${verb}${node && ` on ${node}`}`
    const line = goesOn ? last.line : this.addLine(text)
    if (goesOn) line.textContent = text
    this.#arrivals = { verb, line, names }
  }

  /** The line stands before the first unread message, and stays there when they are read. */
  markUnread(message) {
    this.putBefore(message, this.#unreadLine)
  }

  unmarkUnread() {
    this.#unreadLine.remove()
  }

  scrollToUnread() {
    if (this.#unreadLine.isConnected) this.#unreadLine.scrollIntoView({ block: 'center' })
    else this.scrollToEnd(true)
  }

  scrollToEnd(always = false) {
    if (always) this.isFollowing = true
    if (this.isFollowing) this.element.scrollTop = this.element.scrollHeight
  }

  /** Screen readers are told of new messages while the end is in sight: who reads further up is not interrupted. */
  follow() {
    const { scrollHeight, scrollTop, clientHeight } = this.element
    this.isFollowing = scrollHeight - scrollTop - clientHeight < AT_END
    this.element.ariaLive = this.isFollowing ? 'polite' : 'off'
  }

  #append(element) {
    this.element.append(element)
    while (this.element.childElementCount > MOST_ROWS) this.element.firstElementChild.remove()
    this.scrollToEnd()
    return element
  }
}

/** Who goes on speaking is named once for the eye; screen readers hear the name each time. */
function setFollows(element) {
  const { sender, ts } = element.dataset, before = element.previousElementSibling?.dataset
  const follows = before?.sender !== undefined && before.sender === sender && ts - before.ts < ONE_SPEECH
  element.classList.toggle('follows', follows)
  element.querySelector('.meta')?.classList.toggle('visually-hidden', follows)
}
