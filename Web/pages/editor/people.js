import { make } from '/demo.js'

const MOST_SHOWN = 100

/** A hue of 0 to 359, the same one on every screen. @param {string} who */
export function colourOf(who) {
  return [...who].reduce((hue, letter) => (hue * 31 + letter.codePointAt(0)) % 360, 7)
}

/** @param {string} who */
export function initialsOf(who) {
  const words = who.split(/\s+/).filter(word => word !== '')
  return words.slice(0, 2).map(word => [...word][0].toUpperCase()).join('')
}

/**
 * The list of those who are here and the line that each of them is on: what carets tell the eye, as text. A button goes
 * to where somebody writes. Elements are kept while people come and go, so that the focus stays where it is.
 */
export class People {
  #list
  #goTo
  /** @type {Map<string, { item: HTMLElement, line: HTMLElement, go: HTMLButtonElement }>} */
  #rows = new Map()

  /** @param {HTMLElement} list @param {(who: string) => void} goTo */
  constructor(list, goTo) {
    this.#list = list
    this.#goTo = goTo
  }

  /** @param {{ who: string, isMe: boolean, line: number | null }[]} people */
  show(people) {
    const shown = people.slice(0, MOST_SHOWN)
    const here = new Set(shown.map(({ who }) => who))
    for (const [who, { item }] of this.#rows) {
      if (here.has(who)) continue
      item.remove()
      this.#rows.delete(who)
    }
    for (const person of shown) this.#showOne(person)
  }

  #showOne({ who, isMe, line }) {
    if (!this.#rows.has(who)) this.#add(who)
    const row = this.#rows.get(who)
    const words = [isMe ? 'you' : null, line === null ? null : `line ${line}`].filter(Boolean).join(', ')
    if (row.line.textContent !== words) row.line.textContent = words
    row.go.hidden = isMe || line === null
  }

  #add(who) {
    const badge = make('span', { className: 'initials', textContent: initialsOf(who), 'aria-hidden': 'true' })
    badge.style.setProperty('--hue', colourOf(who))
    const line = make('span', { className: 'quiet' })
    const go = make('button', { type: 'button', textContent: 'Go', 'aria-label': `Go to where ${who} is` })
    go.onclick = () => this.#goTo(who)
    const item = make('li', { 'data-user': who }, badge, make('span', { className: 'who' },
      make('bdi', { textContent: who, title: who }), line), go)
    this.#rows.set(who, { item, line, go })
    this.#list.append(item)
  }
}
