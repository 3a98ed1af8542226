import { make } from './elements.js'
import { clock, plural } from './format.js'

/** Longer ones are cut: a page of them must not stop the browser. */
const longestText = 4_000

/** One event of a channel as a row: when, what, from whom, and its data. */
export function eventRow(event, at = event.ts) {
  const { what, who, text } = eventInWords(event)
  return make('li', {},
    make('time', { className: 'quiet' }, at === undefined ? '' : clock(at)),
    make('span', { className: 'what' }, what),
    make('span', { className: 'who' }, who),
    text === '' ? null : make('code', {}, text.length > longestText ? `${text.slice(0, longestText)} …` : text))
}

/** @returns {{ what: string, who: string, text: string }} */
export function eventInWords(event) {
  const who = event.user ?? event.from ?? (event.client ? `anonymous ${event.client}` : '')
  switch (event.type) {
  case 'message': return { what: messageName(event), who: who || 'nobody', text: payload(event) }
  case 'signal': return { what: `signal ${event.event}`, who: who || 'the server', text: payload(event) }
  case 'join':
  case 'leave': return { what: event.type, who, text: event.info === undefined ? '' : JSON.stringify(event.info) }
  case 'members': return { what: 'members', who: plural(event.count, 'member'), text: '' }
  case 'subscribed': return { what: 'subscribed', who: 'from here on', text: '' }
  case 'gap': return { what: 'gap', who: '', text: gapText(event) }
  case 'drain': return { what: 'drain', who: 'The node goes away.', text: '' }
  case 'error': return { what: 'error', who: event.error, text: '' }
  default: return { what: event.type, who: '', text: JSON.stringify(event) }
  }
}

const messageName = ({ offset }) => offset === undefined ? 'message' : `message ${offset}`

function payload({ data, binary }) {
  if (binary !== undefined) return `binary, in base64: ${binary}`
  return data === undefined ? '' : JSON.stringify(data)
}

function gapText({ offset }) {
  return offset === 0 ? 'The history was deleted, or is lost.' : `Messages up to ${offset} may be missing.`
}
