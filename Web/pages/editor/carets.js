import { make } from '/demo.js'
import { colourOf, initialsOf } from './people.js'

const NAME_SHOWN = 3000  // ms after a caret has moved; then its flag has initials only
const MOST_LINES = 100   // of one selection

/**
 * Draws the carets of others over a textarea. A textarea does not tell where its letters are, so a copy of the text
 * lies below it, with the same font and width, and is measured. The copy also gives the textarea its height.
 */
export class Carets {
  #sheet
  #layer
  #letters = document.createTextNode('')

  /** @param {HTMLElement} sheet with the elements `.mirror` and `.carets` */
  constructor(sheet) {
    this.#sheet = sheet
    this.#layer = sheet.querySelector('.carets')
    sheet.querySelector('.mirror').append(this.#letters)
    this.copy('')
  }

  /** @param {string} text */
  copy(text) {
    this.#letters.data = text + '\u200B'  // Without a letter in it the last line would have no height.
  }

  /** Where a caret is: its top, bottom and side, within the sheet. @param {number} position */
  place(position) {
    const at = Math.min(position, this.#letters.length - 1)  // The text may have become shorter since it was told.
    const { top, bottom, left } = this.#rectangles(at, at).at(-1) ?? this.#rectangles(at, at + 1)[0]
    return { top, bottom, left }
  }

  /** @param {{ who: string, start: number, end: number, movedAt: number }[]} carets */
  draw(carets) {
    this.#layer.replaceChildren(...carets.flatMap(caret => [...this.#selection(caret), this.#caret(caret)]))
  }

  #caret({ who, end, movedAt }) {
    const { top, bottom, left } = this.place(end)
    const isNew = Date.now() - movedAt < NAME_SHOWN
    const flag = make('span', { className: 'flag', textContent: isNew ? who : initialsOf(who) })
    const caret = make('div', { className: 'caret', 'data-user': who }, flag)
    caret.classList.toggle('below', top < 24)
    caret.classList.toggle('leftward', left > this.#sheet.clientWidth / 2)
    setBox(caret, who, { top, left, height: bottom - top })
    return caret
  }

  #selection({ who, start, end }) {
    if (start === end) return []
    const rectangles = this.#rectangles(Math.min(start, end), Math.max(start, end))
    return rectangles.slice(0, MOST_LINES).map(({ top, bottom, left, right }) => {
      const box = make('div', { className: 'selected' })
      setBox(box, who, { top, left, height: bottom - top, width: Math.max(4, right - left) })
      return box
    })
  }

  #rectangles(start, end) {
    const range = document.createRange()
    range.setStart(this.#letters, Math.min(start, this.#letters.length))
    range.setEnd(this.#letters, Math.min(end, this.#letters.length))
    const origin = this.#sheet.getBoundingClientRect()
    return [...range.getClientRects()].map(({ top, bottom, left, right }) => ({
      top: top - origin.top, bottom: bottom - origin.top, left: left - origin.left, right: right - origin.left,
    }))
  }
}

function setBox(element, who, box) {
  element.style.setProperty('--hue', colourOf(who))
  for (const [property, value] of Object.entries(box)) element.style[property] = `${value}px`
}
