import { cutTo, me } from '/demo.js'

/** Other programs publish what they like: a string, an object with `text`, any JSON, or bytes. */
export const isText = ({ data }) => typeof (data?.text ?? data) === 'string'

/** What a message says. @param {{ data?: any, bytes?: Uint8Array }} message */
export function textOf({ data, bytes }) {
  if (bytes) return `${bytes.length} bytes`
  return isText({ data }) ? data?.text ?? data : JSON.stringify(data)
}

const LONGEST = 2000    // characters of a text that are shown; the form takes no more

/**
 * Other programs may send texts as long as a message can be. What is left out is told in words.
 * @param {string} text
 */
export function shortened(text) {
  if (text.length <= LONGEST) return { text, left: '' }
  const shown = cutTo(text, LONGEST)
  return { text: shown, left: `… ${(text.length - shown.length).toLocaleString('en')} more characters` }
}

/** What a notification says: many have a title. @param {any} data */
export function noticeOf(data) {
  const parts = [data?.title, data?.text].filter(part => typeof part === 'string' && part !== '')
  return parts.length ? parts.join(' · ') : textOf({ data })
}

/** What others call somebody. @param {{ user?: string | null, client?: string }} who */
export function labelOf({ user, client }) {
  return user ?? (client ? `Guest ${client.slice(-4)}` : 'Another program')
}

/** The node that a member says to be on. */
export const nodeOf = ({ info }) => typeof info?.node === 'string' ? cutTo(info.node, 40) : ''

/** Whether a message is of this tab's person. */
export const isOwn = ({ from }) => from === me()

/**
 * A name of a room, made of what somebody has typed or a link has brought: what a channel may not have is left out. A
 * channel has one name as a room: `demo:lobby` is `lobby`, unless that would be made another one here.
 */
export function roomFrom(text) {
  const name = text.trim().replace(/\s+/g, '-').replace(/[{}\p{Cc}]|^\$+/gu, '').replace(/^demo:(?=[^:$][^:]*$)/, '')
  return cutTo(name, 60) || 'lobby'
}

/** `lobby` is short for the channel `demo:lobby`; channels of this kind keep a history on nodes with --dev. */
export const channelNameOf = room => room.includes(':') ? room : `demo:${room}`

/** How another program says something in a room. A link may have brought the name, so it is quoted for the shell. */
export function commandFor(channelName) {
  const name = /^[\w:.-]+$/.test(channelName) ? channelName : `'${channelName.replaceAll("'", `'\\''`)}'`
  const url = new URL('ws', location.origin.replace('http', 'ws'))
  return `apus pub ${name} '{"text":"hello"}' --url ${url}`
}
