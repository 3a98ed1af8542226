import { avatar, fill, make, me } from '/demo.js'
import { labelOf, nodeOf } from './words.js'

// The lists beside the log: rooms, private threads, people. A click on somebody or something opens it.

/** @typedef {import('./conversation.js').Conversation} Conversation */

const SUGGESTED = ['lobby', 'ideas', 'random']

/**
 * @param {HTMLElement} list @param {Conversation[]} rooms @param {Conversation} current
 * @param {(name: string) => void} open
 */
export function showRooms(list, rooms, current, open) {
  const suggested = SUGGESTED.filter(name => !rooms.some(room => room.name === name)).map(name => ({ name, unread: 0 }))
  const sign = () => make('span', { className: 'quiet', 'aria-hidden': 'true' }, '#')
  fill(list, [...rooms, ...suggested].map(room => conversationItem(room, current, sign(), open)))
}

/**
 * @param {HTMLElement} list @param {Conversation[]} threads @param {Conversation} current
 * @param {(user: string) => void} open
 */
export function showThreads(list, threads, current, open) {
  fill(list, threads.map(thread => conversationItem(thread, current, avatar(thread.name), open)))
}

function conversationItem(conversation, current, sign, open) {
  const { name, unread } = conversation
  const button = make('button', { type: 'button', 'data-key': name, onclick: () => open(name) }, sign,
    make('span', { className: 'name' }, make('span', { className: 'cut', textContent: name, title: name })),
    unread ? make('span', { className: 'badge', textContent: `${unread} new` }) : null)
  if (conversation === current) button.ariaCurrent = 'true'
  return make('li', {}, button)
}

/** Above 200 people a node tells only how many there are. @param {(user: string) => void} open */
export function showPeople(list, { members, count }, open) {
  const unnamed = count === null ? [] : [make('li', { className: 'quiet', textContent: 'Too many to name.' })]
  fill(list, members ? [...members.values()].map(member => personItem(member, open)) : unnamed)
}

function personItem(member, open) {
  const name = labelOf(member), isMe = member.user === me()
  const more = [isMe ? 'you' : '', nodeOf(member)].filter(Boolean).join(' · ')
  const isReachable = member.user !== null && !isMe
  const element = make(isReachable ? 'button' : 'div', { 'data-key': name }, avatar(name),
    make('span', { className: 'name' },
      make('span', { className: 'cut', textContent: name, title: name, dir: 'auto' }),
      make('small', { className: 'cut', textContent: more })))
  if (isReachable) element.onclick = () => open(name)
  return make('li', {}, element)
}
