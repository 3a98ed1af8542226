import { keepingFocus } from './focus.js'

/** Makes what views are built of. Text always goes in as text. */

/**
 * An element. Properties are assigned, or set as attributes where their names contain a dash, or are `role`. Children
 * that are null are left out.
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (name === 'role' || name.includes('-')) element.setAttribute(name, value)
    else element[name] = value
  }
  element.append(...children.flat().filter(child => child !== null))
  return element
}

export function makeSVG(tag, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

/** Sets a text only where it is another one, so that selections stay, and readers do not hear it again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/** The heading of a view; it takes the focus when the view opens. */
export function viewHeading(text) {
  return make('h1', { tabIndex: -1 }, text)
}

export function card(title, ...children) {
  const heading = make('h2', {}, title)
  return make('section', { className: 'card' }, heading, ...children)
}

/** A word on a ground of its colour. */
export function badge({ severity, word }) {
  return make('span', { className: `badge ${severity}` }, word)
}

let fields = 0

/** A labelled control, with a hint below where there is one. */
export function field(label, control, hint = null) {
  control.id = `field-${++fields}`
  const below = hint === null ? null : make('p', { className: 'quiet', id: `${control.id}-hint` }, hint)
  if (below) control.setAttribute('aria-describedby', below.id)
  const className = control.type === 'checkbox' ? 'field check' : 'field'
  return make('div', { className }, make('label', { htmlFor: control.id }, label), control, below)
}

/** For names, patterns and JSON: a browser must not correct or remember them. */
export const unassisted = { spellcheck: false, autocapitalize: 'off', autocomplete: 'off' }

/**
 * A place for what has happened: `say` tells it politely, `fail` at once. Both are there from the beginning, since
 * readers do not hear of regions that come with their text.
 */
export function outcome() {
  const said = make('p', { role: 'status' })
  const failed = make('p', { role: 'alert' })
  const show = (text, problem) => {
    setText(said, text)
    setText(failed, problem)
  }
  return {
    element: make('div', { className: 'outcome' }, said, failed),
    say: text => show(text, ''),
    fail: problem => show('', problem),
  }
}

/**
 * Keeps the children of an element those of a list, by key. The focus survives, and a selection does in children that
 * keep their places.
 * @param {(item: any) => { element: Element, update: (item: any) => void }} create
 * @returns {(items: any[]) => void}
 */
export function keyedChildren(parent, key, create) {
  let shown = new Map()
  return items => {
    const next = new Map(items.map(item => [key(item), shown.get(key(item)) ?? create(item)]))
    keepingFocus(parent, () => {
      for (const [name, { element }] of shown) if (!next.has(name)) element.remove()
      let place = parent.firstElementChild
      for (const item of items) {
        const entry = next.get(key(item))
        entry.update(item)
        if (entry.element === place) place = place.nextElementSibling
        else parent.insertBefore(entry.element, place)
      }
    })
    shown = next
  }
}

/**
 * A table whose cells change only when their `text` does. On narrow screens rows become cards, by CSS, which takes the
 * roles from the elements: so they stand there.
 *
 * @typedef {{ title: string, text: (item: any) => string, render?: (item: any) => string | Node | Node[],
 *   isNumber?: boolean, isLong?: boolean, isBroad?: boolean }} Column `isLong`: may be broken anywhere;
 *   `isBroad`: needs more room than others in a wide table
 * @param {{ caption: string, key: (item: any) => string, empty: string, columns: Column[], isWide?: boolean }} options
 */
export function table({ caption, key, empty, columns, isWide = false }) {
  const heads = columns.map(column => {
    return make('th', { scope: 'col', role: 'columnheader', className: classOf(column) }, column.title)
  })
  const body = make('tbody', { role: 'rowgroup' })
  const update = keyedChildren(body, key, () => tableRow(columns))
  const nothing = make('p', { className: 'quiet', hidden: true }, empty)
  const head = make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, heads))
  const title = make('caption', { className: 'visually-hidden' }, caption)
  const whole = make('table', { role: 'table', className: isWide ? 'wide' : '' }, title, head, body)
  return {
    element: make('div', {}, whole, nothing),
    update: items => {
      update(items)
      whole.hidden = items.length === 0
      nothing.hidden = items.length > 0
    },
  }
}

const classOf = ({ isNumber, isLong, isBroad }) => {
  return [isNumber && 'number', isLong && 'long', isBroad && 'broad'].filter(Boolean).join(' ')
}

function tableRow(columns) {
  const cells = columns.map((column, index) => make(index === 0 ? 'th' : 'td', {
    role: index === 0 ? 'rowheader' : 'cell', className: classOf(column), 'data-label': column.title,
  }))
  const shown = []
  const update = item => columns.forEach(({ text, render }, index) => {
    const value = text(item)
    if (shown[index] === value) return
    shown[index] = value
    cells[index].replaceChildren(...[render ? render(item) : value].flat())
  })
  return { element: make('tr', { role: 'row' }, cells), update }
}

/**
 * Asks before something is destroyed; no is what counts when the signal aborts.
 * @returns {Promise<boolean>}
 */
export function confirmed(question, detail, action, signal) {
  return new Promise(resolve => {
    const heading = make('h2', { id: 'question' }, question)
    const no = make('button', { type: 'button', autofocus: true, onclick: () => dialog.close() }, 'Cancel')
    const yes = make('button', { type: 'button', className: 'danger', onclick: () => dialog.close('yes') }, action)
    const dialog = make('dialog', { 'aria-labelledby': 'question' }, heading, make('p', {}, detail),
      make('div', { className: 'row end' }, no, yes))
    dialog.addEventListener('close', () => {
      dialog.remove()
      resolve(dialog.returnValue === 'yes')
    })
    signal.addEventListener('abort', () => dialog.close())
    document.body.append(dialog)
    dialog.showModal()
  })
}
